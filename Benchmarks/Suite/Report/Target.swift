import Foundation

/// Something that the project wants to reach, beside what was measured.
struct Target: Codable, Sendable {
    let what: String
    /// At most this much.
    let limit: Double
    /// Nil when it was not measured.
    let measured: Double?

    var verdict: String {
        guard let measured else { return "not measured" }
        return measured <= limit ? "met" : "missed"
    }

    /// All of them, looked up in a report.
    static func all(in report: Report) -> [Target] {
        [
            ratio("first pull of 1,000 × 32 KiB at 10 ms, wall beside tar", 1.0, "pull", 10, "tar"),
            ratio("first push of 1,000 × 32 KiB at 10 ms, wall beside tar", 1.0, "push", 10, "tar"),
            ratio("10,000 unchanged at 10 ms, wall beside rsync", 0.8, "noop-10000", 10, "rsync"),
            ratio("1 of 10,000 changed at 10 ms, wall beside rsync", 0.8, "one-of-10000", 10, "rsync"),
            ratio("20 × 64 MiB first pull at 0 ms, wall beside sftp -r", 1.11, "bulk-pull", 0, "sftp -r"),
            ratio("20 × 64 MiB first push at 0 ms, wall beside sftp -r", 1.11, "bulk-push", 0, "sftp -r"),
            ferry("10,000 unchanged at 10 ms, seconds of CPU", 0.25, "noop-10000", 10, \.cpu),
            ferry("start of `saveferry status` with 1,000 saves, seconds", 0.030, "status-1000", 0, \.wall),
            before("\(EncryptedKeys.devices) devices with an encrypted key each, CPU beside before", 0.6, .own),
            before("\(EncryptedKeys.devices) devices that share an encrypted key, CPU beside before", 0.2, .shared),
            plainBesideEncrypted,
        ].map { $0(report) } + roundTrips(in: report)
    }

    private static func ratio(
        _ what: String, _ limit: Double, _ workload: String, _ roundTrip: Int, _ peer: String
    ) -> (Report) -> Target {
        { report in
            let ours = report.measurement(workload, roundTrip, SaveFerry.name)?.wall
            let theirs = report.measurement(workload, roundTrip, peer)?.wall
            return Target(what: what, limit: limit, measured: ours.flatMap { ours in theirs.map { ours / $0 } })
        }
    }

    private static func ferry(
        _ what: String, _ limit: Double, _ workload: String, _ roundTrip: Int,
        _ value: @escaping (Measurement) -> Double?
    ) -> (Report) -> Target {
        { report in
            let measured = report.measurement(workload, roundTrip, SaveFerry.name).flatMap(value)
            return Target(what: what, limit: limit, measured: measured)
        }
    }

    private static func before(
        _ what: String, _ limit: Double, _ kind: EncryptedKeys.Kind
    ) -> (Report) -> Target {
        { report in
            let ours = report.measurement(kind.rawValue, 0, SaveFerry.name)?.cpu
            let theirs = report.measurement(kind.rawValue, 0, "before")?.cpu
            return Target(what: what, limit: limit, measured: ours.flatMap { ours in theirs.map { ours / $0 } })
        }
    }

    private static func plainBesideEncrypted(_ report: Report) -> Target {
        func done(_ kind: EncryptedKeys.Kind) -> Double? {
            // Alone, the run ends before it can be seen that the device is done.
            report.measurement(kind.rawValue, 0, SaveFerry.name)?.median { $0.crowd?.allDone ?? $0.wallSeconds }
        }
        let (alone, beside) = (done(.none), done(.own))
        return Target(
            what: "a device with a plain key beside those, time beside alone", limit: 1.5,
            measured: alone.flatMap { alone in beside.map { $0 / alone } })
    }

    /// OpenSSH lets this many bytes be under way on a channel, so one round trip brings no more.
    static let window = 2 << 20

    /// At 50 ms no workload takes more than 12 round trips, and those that its bytes need.
    private static func roundTrips(in report: Report) -> [Target] {
        Workload.all.compactMap { workload in
            guard workload.roundTrips.contains(50) else { return nil }
            let measurement = report.measurement(workload.name, 50, SaveFerry.name)
            let bytes = measurement.map { max($0.sent ?? 0, $0.received ?? 0) } ?? 0
            let forBytes = (bytes / Double(window)).rounded(.up)
            let trips = report.roundTrips(workload.name, SaveFerry.name).flatMap { $0.at == 50 ? $0.count : nil }
            return Target(
                what: "\(workload.title) at 50 ms, round trips: 12, and \(Int(forBytes)) for its bytes",
                limit: 12 + forBytes, measured: trips)
        }
    }
}
