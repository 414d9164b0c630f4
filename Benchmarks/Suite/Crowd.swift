import Foundation
import TestSupport

/// Many devices in one run, SaveFerry alone: how many a second, what it takes, and whether devices that hang or are slow
/// delay the others.
enum Crowd {
    static let devices = 200
    static let saves = 10
    /// As many as SaveFerry lets get on at once.
    static let hung = 8
    static let slow = 8
    /// Of the slow ones, in milliseconds.
    static let slowRoundTrip = 200

    /// The saves of one device. Devices share nothing.
    static func data(_ device: Int) -> DataSet {
        DataSet(count: saves, size: 8 << 10, layout: .folders(1), prefix: "device\(device)-")
    }

    /// What a run of the crowd showed besides its sample.
    struct Figures: Codable, Sendable {
        /// Of the process, at most.
        var threads = 0
        /// Seconds until half of the devices that neither hang nor are slow were done, and until all of them were.
        var halfDone: Double?
        var allDone: Double?
    }
}

extension Runner {
    /// First pull and no-op of 200 devices with an sshd each, and the no-op once more with others that hang or are slow.
    func runCrowd() async throws {
        var servers: [OpenSSHServer] = []
        let home = Home(path: try await laboratory.freshFolder(), program: ferry.program)
        try home.make()
        for device in 0..<Crowd.devices {
            let server = try await OpenSSHServer(.forMeasuring)
            servers.append(server)
            let data = Crowd.data(device)
            try await home.add(
                "device\(device)", port: server.port, data.layout, try await laboratory.source(data))
        }
        let fresh = try await laboratory.freshFolder()
        try FileManager.default.removeItem(atPath: fresh)
        try FileManager.default.copyItem(atPath: home.path, toPath: fresh)

        let title = "\(Crowd.devices) devices × \(Crowd.saves) saves"
        func entry(_ workload: String, _ what: String) -> Notebook.Entry {
            notebook.begin(workload, "\(title), \(what)", .openSSH, 0, ferry.name)
        }
        let pull = entry("crowd-pull", "first pull")
        while notebook.wantsMore(pull) {
            try FileManager.default.removeItem(atPath: home.path)
            try FileManager.default.copyItem(atPath: fresh, toPath: home.path)
            await attempt(pull) {
                let sample = try await self.timeCrowd(home, statuses: [0])
                let files = Crowd.devices * Crowd.saves
                try FileCount(home.library).expect(files: files, bytes: files * Crowd.data(0).size)
                return sample
            }
        }
        try await home.settle()
        let before = try await home.rows()
        let noOp = entry("crowd-noop", "unchanged")
        while notebook.wantsMore(noOp) { await attempt(noOp) { try await self.timeCrowd(home, statuses: [0]) } }
        check("\(title), unchanged: SaveFerry rewrote no row", try await home.rows() == before)

        let silent = try SilentServer()
        let slow = try await Link(
            to: servers[0].port, roundTrip: Crowd.slowRoundTrip, proxyProgram: "\(laboratory.programs)/delay-proxy")
        for number in 0..<max(Crowd.hung, Crowd.slow) {
            // Named so that they come first.
            let data = Crowd.data(number)
            let source = try await laboratory.source(data)
            if number < Crowd.hung { try await home.add("a-hung\(number)", port: silent.port, data.layout, source) }
            if number < Crowd.slow { try await home.add("a-slow\(number)", port: slow.port, data.layout, source) }
        }
        let mixed = entry(
            "crowd-mixed", "unchanged, \(Crowd.hung) more hang, \(Crowd.slow) are behind \(Crowd.slowRoundTrip) ms")
        // The exit status says that some could not be reached.
        while notebook.wantsMore(mixed) { await attempt(mixed) { try await self.timeCrowd(home, statuses: [5]) } }
        withExtendedLifetime((servers, silent, slow)) {}
    }

    func timeCrowd(
        _ home: Home, statuses: Set<Int32>,
        _ meant: CrowdWatch.Meant = CrowdWatch.Meant("device%", Crowd.devices, every: 5)
    ) async throws -> Sample {
        try await laboratory.rest()
        let watch = Task { [note] in
            do { return try await CrowdWatch(home: home, meant: meant).figures() } catch {
                note("the crowd could not be watched: \(error)")
                return Crowd.Figures()
            }
        }
        defer { watch.cancel() }
        let stopwatch = Stopwatch(program: "\(laboratory.programs)/stopwatch")
        var sample = try await stopwatch.time(
            home.invocation("sync"), over: nil, limit: notebook.settings.limitSeconds, statuses: statuses)
        watch.cancel()
        sample.crowd = await watch.value
        return sample
    }
}

/// Looks at a run of the crowd from outside, often enough and with little work, until it is cancelled.
struct CrowdWatch {
    let home: Home
    let meant: Meant

    /// Which devices are watched.
    struct Meant: Sendable {
        /// Their names, as SQL's LIKE takes them.
        let pattern: String
        let count: Int
        /// Every how many looks, of which there is one in 20 ms, the database is asked.
        let interval: Int

        init(_ pattern: String, _ count: Int, every interval: Int) {
            self.pattern = pattern
            self.count = count
            self.interval = interval
        }
    }

    func figures() async throws -> Crowd.Figures {
        var figures = Crowd.Figures()
        let last = try await query("SELECT COALESCE(MAX(id), 0) FROM sync_sessions")
        var start: ContinuousClock.Instant?
        var process: String?
        var looks = 0
        while !Task.isCancelled {
            process = process ?? ferry()
            if let process {
                start = start ?? .now
                figures.threads = max(figures.threads, (try? names("/proc/\(process)/task").count) ?? 0)
            }
            looks += 1
            if looks % meant.interval == 0, let start, figures.allDone == nil {
                // Locked for a moment while the program opens it.
                let done =
                    (try? await query(
                        """
                        SELECT COUNT(*) FROM sync_sessions
                        WHERE id > \(last) AND ended_at IS NOT NULL AND device_name LIKE '\(meant.pattern)'
                        """)) ?? 0
                let time = Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000
                if done >= (meant.count + 1) / 2, figures.halfDone == nil { figures.halfDone = time }
                if done == meant.count { figures.allDone = time }
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return figures
    }

    /// The process that runs the program in this home.
    private func ferry() -> String? {
        (try? names("/proc"))?.first { name in
            guard Int(name) != nil, let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else {
                return false
            }
            let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return words.first == home.program && words.last == home.path
        }
    }

    private func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
    }

    private func query(_ text: String) async throws -> Int {
        let answer = try await Command.run("sqlite3", ["-readonly", "\(home.path)/state/saveferry.db", text])
        guard let number = Int(answer.output.filter(\.isNumber)) else {
            throw BenchError("sqlite3: \(answer.errorOutput)")
        }
        return number
    }
}
