import Foundation

/// Everything that one run of the suite found: what is saved as JSON and compared later.
struct Report: Codable, Sendable {
    /// When it began, UTC.
    let date: Date
    let machine: Machine
    /// What each peer said of its version; nil where it is not installed.
    let peers: [PeerVersion]
    let settings: Notebook.Settings
    var measurements: [Measurement] = []
    var checks: [Notebook.Check] = []
    /// What the project wants to reach, as far as it was measured.
    var targets: [Target] = []

    struct PeerVersion: Codable, Sendable {
        let name: String
        let version: String?
        let note: String
    }

    /// The measurement of a peer in a workload, at a round trip in milliseconds.
    func measurement(_ workload: String, _ roundTrip: Int, _ peer: String) -> Measurement? {
        measurements.first {
            $0.key.workload == workload && $0.key.roundTripMilliseconds == roundTrip && $0.key.peer == peer
        }
    }

    /// How many times a peer waited for the other side, as the clock shows it:
    /// (wall at the longest round trip - wall at 0 ms) / that round trip. Nil unless both were measured.
    func roundTrips(_ workload: String, _ peer: String) -> (count: Double, at: Int)? {
        let measured = measurements.filter { $0.key.workload == workload && $0.key.peer == peer && $0.wall != nil }
        guard let none = measured.first(where: { $0.key.roundTripMilliseconds == 0 })?.wall,
            let longest = measured.max(by: { $0.key.roundTripMilliseconds < $1.key.roundTripMilliseconds }),
            let wall = longest.wall, longest.key.roundTripMilliseconds > 0
        else { return nil }
        let roundTrip = longest.key.roundTripMilliseconds
        return ((wall - none) * 1000 / Double(roundTrip), roundTrip)
    }

    static func read(_ path: String) throws -> Report {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(Report.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func write(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(fileURLWithPath: path))
    }
}
