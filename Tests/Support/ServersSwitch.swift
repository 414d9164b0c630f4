import Foundation

/// Whether tests run against servers of other kinds too, which are heavy to install: `SAVEFERRY_SERVERS` is set. Says which ones
/// are left out otherwise.
public func areServersWanted(_ name: String) -> Bool {
    if ProcessInfo.processInfo.environment["SAVEFERRY_SERVERS"] != nil { return true }
    print("\(name) is not tested: SAVEFERRY_SERVERS is not set")
    return false
}
