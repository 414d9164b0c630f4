import Foundation
import TestSupport

/// One soak from its first server to its report.
actor SoakRun {
    private let seed: UInt64
    private let scale: Story.Scale
    private var story: Story
    let ferry: Ferry
    let daemon: Daemon
    let handhelds: [Handheld]
    let player: Player

    var report: Report
    /// What happened, with its second.
    private var journal: [String] = []
    /// What should not have happened on the way.
    private(set) var surprises: [String] = []
    /// When devices fell into a trouble, and when they were rid of it, in seconds since 1970.
    private(set) var turns: [(device: Int, at: Double, trouble: Trouble, isReturn: Bool)] = []
    private var errands: [Task<Void, Never>] = []

    /// How long everything may take to come to rest at the end, in seconds.
    static let patience = 300.0

    init(seed: UInt64, scale: Story.Scale, ferry: Ferry, schedule: String) async throws {
        (self.seed, self.scale, self.ferry) = (seed, scale, ferry)
        story = Story(seed: seed, scale: scale)
        daemon = Daemon(ferry, arguments: ["--schedule", schedule])
        let hasDropbear = await DropbearServer.whatIsMissing() == nil
        handhelds = try (0..<scale.devices).map { device in
            try Handheld(
                "handheld\(device)", owner: "owner\(device / scale.devicesPerOwner)",
                hasDropbear && device % 5 == 4 ? .dropbear : .openSSH)
        }
        player = Player(handhelds)
        report = Report(seed: seed, scale: scale)
    }

    func run() async throws -> Report {
        try await prepare()
        try await daemon.start()
        let sampling = Task { [daemon, scale] in
            let pause = min(10, max(1, scale.seconds / 60))
            while !Task.isCancelled {
                await daemon.sample()
                try? await Task.sleep(for: .seconds(pause))
            }
        }
        await tell()
        for errand in errands { await errand.value }
        await makeWell()
        let isAtRest = await comeToRest()
        sampling.cancel()
        await attempt("the daemon ends") { try await self.daemon.terminate() }
        try await judge(isAtRest: isAtRest)
        for handheld in handhelds { await handheld.switchOff() }
        return report
    }

    /// Everything that the soak made: homes, devices, logs, and the story as it went.
    func copyEvidence(to folder: String) async throws {
        try Data(journal.map { $0 + "\n" }.joined().utf8).write(to: URL(fileURLWithPath: "\(folder)/story"))
        var copies = [(ferry.home.path, "home")]
        copies += handhelds.map { ($0.saves, $0.name) }
        for (source, name) in copies {
            try? FileManager.default.copyItem(atPath: source, toPath: "\(folder)/\(name)")
        }
    }

    // MARK: Before

    /// Switches the devices on, with the games of each owner spread over its devices, and brings them in step once.
    private func prepare() async throws {
        let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
        for (device, handheld) in handhelds.enumerated() {
            for game in story.firstGames(of: device) {
                try await player.play(device: device, game: game, size: story.size(), isAtomic: true)
            }
            try await handheld.switchOn()
            try await ferry.mustRun(
                "device", "add", handheld.name, "--host", "127.0.0.1", "--port", "\(handheld.port)", "--user",
                OpenSSHServer.user, "--owner", handheld.owner, "--dir", "gba=\(handheld.saves)", "--trust", fingerprint)
        }
        for _ in 0..<2 { try await ferry.mustRun("sync") }
    }

    // MARK: The story

    private func tell() async {
        let start = ContinuousClock.now
        var nextLine = 30.0
        while let beat = story.next() {
            try? await Task.sleep(until: start + .seconds(beat.at), clock: .continuous)
            journal.append(String(format: "%.1f %@", beat.at, "\(beat.happening)"))
            await attempt("\(beat.happening)") { try await self.carryOut(beat.happening) }
            await player.look()
            if beat.at >= nextLine {
                await showProgress(beat.at)
                nextLine += 30
            }
            // Whoever reads on needs its end.
            guard await attempt("serve", { try await self.daemon.mustLive() }) else { return }
        }
    }

    private func carryOut(_ happening: Happening) async throws {
        count(happening)
        let now = Date().timeIntervalSince1970
        switch happening {
        case .plays(let device, let game, let size, let isAtomic):
            try await player.play(device: device, game: game, size: size, isAtomic: isAtomic)
        case .deletes(let device, let game): await player.delete(device: device, game: game)
        case .falls(let device, let trouble):
            turns.append((device, now, trouble, false))
            try await handhelds[device].fall(into: trouble)
        case .recovers(let device, let isTrusted): try await recover(device, isTrusted)
        case .isCut(let device): await handhelds[device].cut()
        case .command(let errand): errands.append(Task { await run(errand) })
        case .daemonEnds(let ending):
            switch ending {
            case .killed: try await daemon.kill()
            case .terminated: try await daemon.terminate()
            }
            try await daemon.start()
        case .daemonReads: await daemon.hangUp()
        }
    }

    private func recover(_ device: Int, _ isTrusted: Bool) async throws {
        let (ferry, name) = (ferry, handhelds[device].name)
        try await handhelds[device].recover(keepingKey: isTrusted) { fingerprint in
            try await ferry.mustRun("device", "trust", name, "--fingerprint", fingerprint)
        }
        guard let trouble = turns.last(where: { $0.device == device })?.trouble else { return }
        turns.append((device, Date().timeIntervalSince1970, trouble, true))
    }

    private func run(_ errand: Errand) async {
        await attempt("\(errand)") {
            switch errand {
            case .sync(let device):
                // Whatever may be wrong with a device.
                try await self.run(["sync", self.handhelds[device].name], allowing: [0, 1, 3, 4, 5, 6, 7, 8])
            case .status: try await self.run(["status", "--json"])
            case .saves: try await self.run(["saves", "--json"])
            case .retention: try await self.run(["retention"])
            case .verify: try await self.run(["verify"])
            case .resolve(let side):
                let open: [Conflict] = try await self.ferry.rows(
                    "SELECT id FROM conflicts WHERE resolved_at IS NULL ORDER BY id LIMIT 1")
                guard let conflict = open.first else { return }
                // 1: its contents moved on in this moment.
                try await self.run(["conflicts", "resolve", "\(conflict.id)", "--keep", side], allowing: [0, 1, 2])
            }
        }
    }

    private struct Conflict: Decodable { let id: Int }

    private func run(_ words: [String], allowing statuses: Set<Int32> = [0]) async throws {
        let result = try await ferry.run(words)
        report.commands["\(words[0]) → \(result.status)", default: 0] += 1
        guard statuses.contains(result.status) else {
            throw SoakError("exit \(result.status): \(result.output.suffix(300))\(result.errorOutput.suffix(1000))")
        }
    }

    private func count(_ happening: Happening) {
        let kind =
            switch happening {
            case .plays: "saves"
            case .deletes: "deletions"
            case .falls(_, let trouble): trouble.rawValue
            case .recovers(_, isTrusted: true): "keys trusted"
            case .recovers: "returns"
            case .isCut: "cuts"
            case .command: "commands"
            case .daemonEnds(.killed): "SIGKILL"
            case .daemonEnds(.terminated): "SIGTERM"
            case .daemonReads: "SIGHUP"
            }
        report.happenings[kind, default: 0] += 1
    }

    private func showProgress(_ seconds: Double) async {
        let runs: [Conflict] = (try? await ferry.rows("SELECT COUNT(*) AS id FROM sync_sessions")) ?? []
        let last = await daemon.lives.last?.samples.last
        Soak.note(
            String(
                format: "%d of %d s, %d runs, %d saves written, %d MiB, %d descriptors", Int(seconds),
                Int(scale.seconds),
                runs.first?.id ?? 0, await player.all.count, (last?.resident ?? 0) >> 20, last?.descriptors ?? 0))
    }

    /// Whether it worked; what did not is a surprise.
    @discardableResult
    private func attempt(_ what: String, _ work: () async throws -> Void) async -> Bool {
        do {
            try await work()
            return true
        } catch {
            surprises.append("\(what): \(error)")
            Soak.note("\(what): \(error)")
            return false
        }
    }

    // MARK: After

    private func makeWell() async {
        for device in handhelds.indices {
            await attempt("handheld\(device) is made well") { try await self.recover(device, true) }
        }
    }

    /// Decides what is open and syncs beside the daemon, again and again, until two runs in a row found nothing to do on any
    /// device: also with a schedule that is longer than anybody wants to wait.
    private func comeToRest() async -> Bool {
        Soak.note("all devices are well again")
        let end = ContinuousClock.now + .seconds(SoakRun.patience)
        while ContinuousClock.now < end {
            await attempt("conflicts are decided") {
                try await self.run(["conflicts", "resolve", "--all", "--keep", "server"], allowing: [0, 1])
            }
            await attempt("everything is synced") { try await self.run(["sync"], allowing: [0, 1, 3, 8]) }
            guard await attempt("serve", { try await self.daemon.mustLive() }) else { return false }
            let busy: [Busy] =
                (try? await ferry.rows(
                    """
                    SELECT device_name FROM (
                        SELECT *, ROW_NUMBER() OVER (PARTITION BY device_name ORDER BY id DESC) AS age FROM sync_sessions)
                    WHERE age <= 2 AND (status <> 'COMPLETED' OR pulled + pushed + removed + conflicts + failed > 0)
                    UNION SELECT 'conflicts' FROM conflicts WHERE resolved_at IS NULL
                    """)) ?? [Busy(deviceName: "the database")]
            if busy.isEmpty { return true }
            try? await Task.sleep(for: .seconds(1))
        }
        return false
    }

    private struct Busy: Decodable { let deviceName: String }
}
