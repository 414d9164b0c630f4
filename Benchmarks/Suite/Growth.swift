/// How time and memory grow with the number of saves, and a large library with many devices: SaveFerry alone.
enum Growth {
    static let sizes = [1000, 10_000, 100_000]
    /// Milliseconds.
    static let roundTrip = 10
    static let devices = 10

    static func data(_ count: Int) -> DataSet { DataSet(count: count, size: 512, layout: .folders(100)) }

    /// What is measured at each size.
    enum Kind: String, CaseIterable {
        case pull = "first pull", noOp = "unchanged", status = "saveferry status"

        /// As `--only` and the JSON name it.
        func workload(_ count: Int) -> String {
            switch self {
            case .pull: "growth-pull-\(count)"
            case .noOp: "growth-noop-\(count)"
            case .status: "status-\(count)"
            }
        }
    }
}

extension Runner {
    /// First pull, nothing changed, and `status`, with `count` saves of 512 B in 100 directories.
    func runGrowth(_ count: Int) async throws {
        let data = Growth.data(count)
        let link = try await laboratory.link(.openSSH, Growth.roundTrip)
        let source = try await laboratory.source(data)
        func entry(_ kind: Growth.Kind, _ roundTrip: Int) -> Notebook.Entry {
            notebook.begin(kind.workload(count), "\(data.title), \(kind.rawValue)", .openSSH, roundTrip, ferry.name)
        }
        let pull = entry(.pull, Growth.roundTrip)
        var home: Home?
        while notebook.wantsMore(pull) {
            if let home { try await laboratory.discard(home.path, files: count) }
            let errand = Errand(
                action: .pull, data: data, remote: source, local: "", state: try await laboratory.freshFolder(),
                link: link)
            await attempt(pull) {
                try await ferry.prepare(errand)
                let sample = try await self.time(ferry.command(errand), over: link)
                try await ferry.verify(errand, changes: 0, changed: nil)
                return sample
            }
            home = ferry.home(errand)
        }
        guard let home, notebook.measurements[pull].remark == nil else { return }
        try await home.settle("full")
        try await repeats(entry(.noOp, Growth.roundTrip), home.invocation("sync", "full"), over: link, keeping: home)
        try await repeats(entry(.status, 0), home.invocation("status"), over: nil, keeping: home)
        try await laboratory.discard(home.path, files: count)
        try await laboratory.discardSource(data)
    }

    /// 100,000 saves that ten devices brought, all synced in one run: nothing changed, and 1 % changed on each.
    func runLibrary() async throws {
        let link = try await laboratory.link(.openSSH, Growth.roundTrip)
        let home = Home(path: try await laboratory.freshFolder(), program: ferry.program)
        try home.make()
        var places: [(data: DataSet, source: String)] = []
        for device in 0..<Growth.devices {
            let data = DataSet(count: 10_000, size: 512, layout: .folders(10), prefix: "device\(device)-")
            places.append((data, try await laboratory.source(data)))
            try await home.add("device\(device)", link, data.layout, places[device].source)
        }
        note("\(Growth.devices) devices with 10,000 saves each: the first sync, not timed")
        try await home.run("sync")
        try await home.settle()
        let title = "100,000 saves in the library, 10 devices"
        let sync = home.invocation("sync")
        let noOp = notebook.begin("library-noop", "\(title), unchanged", .openSSH, Growth.roundTrip, ferry.name)
        try await repeats(noOp, sync, over: link, keeping: home)
        let percent = notebook.begin("library-percent", "\(title), 1 % changed", .openSSH, Growth.roundTrip, ferry.name)
        var round = 0
        while notebook.wantsMore(percent) {
            if round > 0 { try await home.settle() }
            round += 1
            for (data, source) in places { _ = try data.change(100, in: source, round: round) }
            let expected = Growth.devices * (10_000 + 100 * round)
            await attempt(percent) {
                let sample = try await self.time(sync, over: link)
                try FileCount(home.library).expect(files: expected, bytes: expected * 512)
                return sample
            }
        }
        try await laboratory.discard(home.path, files: 100_000)
        for place in places { try await laboratory.discardSource(place.data) }
    }

    /// A command that changes nothing, again and again.
    private func repeats(_ entry: Notebook.Entry, _ invocation: Invocation, over link: Link?, keeping home: Home)
        async throws
    {
        let before = try await home.rows()
        while notebook.wantsMore(entry) {
            await attempt(entry) { try await self.time(invocation, over: link) }
        }
        let measurement = notebook.measurements[entry]
        check("\(measurement.title): SaveFerry rewrote no row", try await home.rows() == before)
    }
}
