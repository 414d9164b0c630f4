#if DEBUG
    import Glibc
    import Synchronization

    /// Counts the calls at each seam and says which of them meets the fault. One for each run that is to fail.
    ///
    /// It goes with the task, so that tests which run side by side have their own.
    public final class FaultInjector: Sendable {
        /// The one that rules over the current task; for a whole process the one that `SAVEFERRY_FAULT` asks for.
        @TaskLocal public static var current: FaultInjector? = getenv("SAVEFERRY_FAULT")
            .flatMap { Fault(String(cString: $0)) }.map { FaultInjector($0) }

        private let kind: Fault.Kind?
        private let meets: @Sendable (_ seam: Fault.Seam, _ point: Int, _ call: String, _ changes: Bool) -> Bool
        private let state = Mutex((calls: [Fault.Seam: [String]](), struck: [String]()))

        /// Nil only counts. A call for which `spares` holds goes on undisturbed, although it is the one at the fault's point.
        public init(_ fault: Fault?, sparing spares: @escaping @Sendable (String) -> Bool = { _ in false }) {
            kind = fault?.kind
            meets = { seam, point, call, changes in
                guard let fault, fault.seam == seam, !spares(call) else { return false }
                return point == fault.point || point > fault.point && fault.isLasting && changes
            }
        }

        /// A fault that every call meets for which `matches` holds.
        public init(_ kind: Fault.Kind, _ seam: Fault.Seam, where matches: @escaping @Sendable (String) -> Bool) {
            self.kind = kind
            meets = { met, _, call, _ in met == seam && matches(call) }
        }

        /// The calls so far, in order, in words.
        public func calls(_ seam: Fault.Seam) -> [String] { state.withLock { $0.calls[seam] ?? [] } }

        /// The calls that met the fault.
        public var struck: [String] { state.withLock { $0.struck } }

        /// To be asked before each call, which `call` describes: its first word is the kind of call. Returns what goes wrong
        /// with it, or nil. Does not return when the process is to be killed.
        ///
        /// - Parameter changes: whether the call could change something; a lasting fault meets only those.
        public func strike(_ seam: Fault.Seam, _ call: String, changes: Bool) -> Fault.Kind? {
            let isStruck = state.withLock { state in
                let point = state.calls[seam, default: []].count
                state.calls[seam, default: []].append(call)
                guard meets(seam, point, call, changes) else { return false }
                state.struck.append(call)
                return true
            }
            guard isStruck, let kind else { return nil }
            if kind == .kill { FaultInjector.killProcess() }
            return kind
        }

        /// Ends the process as `kill -9` does.
        public static func killProcess() {
            kill(getpid(), SIGKILL)
        }
    }
#endif
