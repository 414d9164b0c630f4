import Foundation

/// What the scheduler knows of one device.
public struct DeviceOutlook: Hashable, Sendable {
    /// The device's number.
    public let id: Int64
    /// Its name.
    public let name: String
    /// Whether its SSH server can be reached; nil before the first probe, and where none are sent.
    public let isOnline: Bool?
    /// When its next run begins, which may be now; nil while it runs, while it is away (it is synced when it comes online), and
    /// when it is never synced by itself.
    public let nextRun: Date?
    /// Whether it is being synced by the scheduler.
    public let isRunning: Bool
    /// Runs that failed as a whole since the last one that did not.
    public let failuresInARow: Int
    /// What the last of them failed with, and what to do about it; nil when there is none.
    public let lastFailure: String?
}
