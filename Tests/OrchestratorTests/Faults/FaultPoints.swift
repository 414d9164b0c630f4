#if DEBUG
    import Faults

    /// Every fault that one world's run can meet.
    struct FaultPoints {
        private let injector = FaultInjector(nil)
        /// Bytes of the largest write.
        private let fullWrite: Int?

        /// Counts the points of a run that nothing disturbs.
        init(_ world: FaultWorld) async throws {
            try await world.rewind()
            let hub = try await FaultHub(home: world.home)
            defer { hub.close() }
            try await hub.sync(disturbedBy: injector).mustBeWhole("the run that is counted")
            fullWrite = injector.calls(.sftp).compactMap(FaultPoints.writtenBytes).max()
        }

        func count(_ seam: Fault.Seam) -> Int { injector.calls(seam).count }

        /// Every point with every fault that makes sense there.
        var faults: [Fault] {
            Fault.Seam.allCases.flatMap { seam in
                injector.calls(seam).enumerated().flatMap { point, call in
                    let word = call.split(separator: " ").first.map(String.init) ?? ""
                    let killed = [Fault(.kill, seam, point), Fault(.killAfter, seam, point)]
                    let once = FaultPoints.kinds(seam, word).map { Fault($0, seam, point) }
                    let lasting = FaultPoints.lastingKinds(seam, word).map { Fault($0, seam, point, isLasting: true) }
                    return killed + once.filter { !isUndetectable($0.kind, call) } + lasting
                }
            }
        }

        /// Half of a write that others follow leaves a hole in a file of the right size. A server that answers such a write
        /// with OK can't be caught without reading everything back.
        ///
        /// To be asked of the disturbed run's own calls too, whose order is not that of the run that was counted.
        func isUndetectable(_ kind: Fault.Kind, _ call: String) -> Bool {
            guard kind == .silentShortWrite, let written = FaultPoints.writtenBytes(call) else { return false }
            return written == fullWrite
        }

        /// 32768 of `WRITE 32768 at 0`; nil for other calls.
        private static func writtenBytes(_ call: String) -> Int? {
            let words = call.split(separator: " ")
            return words.first == "WRITE" && words.count > 1 ? Int(words[1]) : nil
        }

        private static func kinds(_ seam: Fault.Seam, _ word: String) -> [Fault.Kind] {
            switch (seam, word) {
            case (.sftp, "WRITE"):
                [
                    .reset, .resetAfter, .hang, .hangAfter, .failure, .permissionDenied, .failureAfter, .shortWrite,
                    .silentShortWrite,
                ]
            case (.sftp, "READ"):
                [.reset, .resetAfter, .hang, .hangAfter, .failure, .permissionDenied, .shortRead]
            case (.sftp, _):
                [.reset, .resetAfter, .hang, .hangAfter, .failure, .permissionDenied, .failureAfter]
            case (.file, "write"): [.failure, .noSpace, .failureAfter, .shortWrite]
            case (.file, "read"): [.failure, .shortRead]
            case (.file, "open"): [.failure, .permissionDenied]
            case (.file, "move"): [.failure, .noSpace, .permissionDenied, .failureAfter, .unsupported]
            case (.file, "fsync"), (.file, "syncfs"): [.failure, .noSpace]
            case (.file, _): [.failure, .noSpace, .permissionDenied, .failureAfter]
            case (.database, "write"): [.failure, .noSpace, .permissionDenied, .failureAfter]
            case (.database, _): [.failure]
            }
        }

        /// A card that is full or read-only from here on, a disk that is full from here on.
        private static func lastingKinds(_ seam: Fault.Seam, _ word: String) -> [Fault.Kind] {
            switch (seam, word) {
            case (.sftp, "OPEN-NEW"), (.sftp, "WRITE"), (.sftp, "FSYNC"), (.sftp, "RENAME"), (.sftp, "POSIX-RENAME"),
                (.sftp, "MAKE-DIRECTORY"), (.sftp, "REMOVE"), (.sftp, "REMOVE-DIRECTORY"):
                [.failure, .permissionDenied]
            case (.sftp, _): []
            case (.file, "open"), (.file, "read"): []
            case (.file, _), (.database, "write"): [.noSpace, .failure]
            case (.database, _): []
            }
        }
    }
#endif
