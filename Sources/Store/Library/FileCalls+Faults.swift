import Faults
import Glibc

/// The seam at which tests let file calls fail. Release builds make the calls and nothing else.
extension FileCalls {
    /// Makes a system call that returns a negative number and sets `errno` when it fails.
    @inline(__always)
    static func call(_ name: StaticString, _ path: @autoclosure () -> String, _ body: () -> Int32) -> Int32 {
        #if DEBUG
            if let kind = FaultInjector.current?.strike(.file, words(name, path()), changes: true) {
                return meet(kind, body)
            }
        #endif
        return body()
    }

    /// Makes a system call that moves up to `count` bytes and returns how many it did.
    @inline(__always)
    static func call(_ name: StaticString, _ path: @autoclosure () -> String, of count: Int, _ body: (Int) -> Int)
        -> Int
    {
        #if DEBUG
            if let kind = FaultInjector.current?.strike(.file, words(name, path()), changes: true) {
                return kind == .shortWrite || kind == .shortRead ? body(max(1, count / 2)) : meet(kind) { body(count) }
            }
        #endif
        return body(count)
    }

    #if DEBUG
        private static func words(_ name: StaticString, _ path: String) -> String {
            "\(name) \(path.split(separator: "/").suffix(2).joined(separator: "/"))"
        }

        private static func meet<Count: SignedInteger>(_ kind: Fault.Kind, _ body: () -> Count) -> Count {
            switch kind {
            case .killAfter:
                _ = body()
                FaultInjector.killProcess()
            case .failureAfter:
                _ = body()
                errno = EIO
            case .noSpace: errno = ENOSPC
            case .permissionDenied: errno = EACCES
            case .unsupported: errno = EINVAL
            default: errno = EIO
            }
            return -1
        }
    #endif

    #if DEBUG
        typealias Faults = FaultInjector?

        /// The current task's faults, to be met on another thread too.
        static var faults: Faults { FaultInjector.current }

        /// Runs `work` on behalf of the task that had these faults.
        static func meeting<Value>(_ faults: Faults, _ work: () -> Value) -> Value {
            FaultInjector.$current.withValue(faults) { work() }
        }
    #else
        typealias Faults = Void

        /// Nothing; see debug builds.
        static var faults: Faults { () }

        /// Runs `work`; see debug builds.
        @inline(__always)
        static func meeting<Value>(_ faults: Faults, _ work: () -> Value) -> Value { work() }
    #endif
}
