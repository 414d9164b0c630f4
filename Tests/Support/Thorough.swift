import Foundation

/// Whether tests are to try every step of what they usually sample, and the large sizes: `make scenarios` says so.
public let isThorough = ProcessInfo.processInfo.environment["SAVEFERRY_THOROUGH"] == "1"
