import Foundation
import Orchestrator

/// What a client asks the daemon by its socket: one line of JSON.
enum ControlRequest: Codable, Equatable, Sendable {
    /// What the daemon knows right now, as one ``DaemonReport``.
    case status
    /// The last events of these devices, or of all, a line each; with `follow` also those to come.
    case events(devices: [String]?, follow: Bool)

    /// Bytes that a request has at most, its end of line included.
    static let longest = 4_096

    private enum Key: CodingKey { case request, devices, follow }
    private enum Name: String, Codable { case status, events }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        switch try container.decode(Name.self, forKey: .request) {
        case .status: self = .status
        case .events:
            self = .events(
                devices: try container.decodeIfPresent([String].self, forKey: .devices),
                follow: try container.decodeIfPresent(Bool.self, forKey: .follow) ?? false)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .status: try container.encode(Name.status, forKey: .request)
        case .events(let devices, let follow):
            try container.encode(Name.events, forKey: .request)
            try container.encodeIfPresent(devices, forKey: .devices)
            try container.encode(follow, forKey: .follow)
        }
    }
}

/// A daemon that runs, and what its scheduler knows of the devices.
public struct DaemonReport: Codable, Hashable, Sendable {
    /// What the scheduler knows of one device; see ``DeviceOutlook``.
    public struct DeviceLine: Codable, Hashable, Sendable {
        /// The device's number.
        public let id: Int64
        /// Whether it could be reached when it was last tried; nil before that.
        public let online: Bool?
        /// When it is synced next; nil when it never is.
        public let nextRun: Date?
        /// Whether it is being synced.
        public let running: Bool
    }

    /// Its process.
    public let pid: Int32
    /// Since when it runs.
    public let since: Date
    /// The program's version.
    public let version: String
    /// The devices that it syncs.
    public let devices: [DeviceLine]
}

extension DaemonReport.DeviceLine {
    init(_ outlook: DeviceOutlook) {
        self.init(
            id: outlook.id, online: outlook.isOnline, nextRun: outlook.nextRun, running: outlook.isRunning)
    }
}

/// Why the daemon did not do what was asked.
struct ControlRefusal: Codable {
    let error: String
}
