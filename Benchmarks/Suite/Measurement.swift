import TestSupport

/// One timed run of one command and everything that it started.
struct Sample: Codable, Sendable {
    let wallSeconds: Double
    /// User and system time of all processes on the client's side.
    let cpuSeconds: Double
    /// Of the largest process.
    let peakBytes: Int
    /// From the client to the server, counted by the proxy: everything above TCP.
    let sentBytes: Int
    /// From the server to the client.
    let receivedBytes: Int
    /// TCP connections.
    let connections: Int
    /// Only for many devices at once.
    var crowd: Crowd.Figures?
}

/// The runs of one peer in one workload at one delay.
struct Measurement: Codable, Sendable {
    /// What is measured; the same in two reports when all of it is.
    struct Key: Codable, Hashable, Sendable {
        let workload: String
        let server: Laboratory.Server
        let roundTripMilliseconds: Int
        let peer: String
    }

    let key: Key
    /// The workload in words.
    let title: String
    var samples: [Sample] = []
    /// Why there are no samples, or fewer: missing, failed, left out.
    var remark: String?

    /// The median over the runs, nil without any.
    func median(_ value: (Sample) -> Double) -> Double? { samples.map(value).median }

    /// One line of progress: the last run, or why there is none.
    var line: String {
        let name = "\(title), \(key.roundTripMilliseconds) ms, \(key.peer)"
        guard remark == nil, let last = samples.last else { return "\(name): \(remark ?? "no run")" }
        let wall = Format.seconds(last.wallSeconds)
        let cpu = Format.seconds(last.cpuSeconds)
        return "\(name), run \(samples.count): \(wall), CPU \(cpu), \(Format.size(last.peakBytes))"
    }

    var wall: Double? { median(\.wallSeconds) }
    var cpu: Double? { median(\.cpuSeconds) }
    var peak: Double? { median { Double($0.peakBytes) } }
    var sent: Double? { median { Double($0.sentBytes) } }
    var received: Double? { median { Double($0.receivedBytes) } }
}
