import Foundation

/// Whether tests are to try every step of what they usually sample, and the large sizes: `make scenarios` says so.
public let isThorough = ProcessInfo.processInfo.environment["SAVEFERRY_THOROUGH"] == "1"

/// Whether tests are to start SFTP servers of other makers, and to try all scripted answers: `make servers` says so.
public let triesServers = ProcessInfo.processInfo.environment["SAVEFERRY_SERVERS"] == "1"
