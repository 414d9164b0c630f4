import Foundation
import Synchronization

/// Ports that one process has for itself, so that no two of them find the same port free and give it to their servers.
///
/// A process locks a block of ports at a time (flock(2)). The kernel gives the block back when the process ends, however it does.
public final class PortBlocks: Sendable {
    /// How many ports there are in all.
    public let count = PortBlocks.all.count
    /// The folder of the files that are locked, the same for every process.
    private let folder: String
    private let state = Mutex(State())

    private struct State {
        /// The first port and the locked file of each block of this process.
        var blocks: [(start: Int, lock: Int32)] = []
        /// How many ports were handed out since the first, or since there was no further block.
        var handedOut = 0
    }

    private static let all = 20_000..<32_000
    private static let blockSize = 100

    /// Ports of blocks that are locked by files in `folder`; the first one when the first port is asked for.
    public init(lockedIn folder: String) {
        self.folder = folder
    }

    deinit {
        state.withLock { for block in $0.blocks { close(block.lock) } }
    }

    /// The next port. It is another one than those before as long as there are blocks that no other process has; then they come
    /// again. Throws when there was none from the start.
    public func next() throws -> Int {
        try state.withLock { state in
            if state.handedOut == state.blocks.count * PortBlocks.blockSize {
                if let block = lockBlock(besides: state.blocks.map(\.start)) {
                    state.blocks.append(block)
                } else {
                    state.handedOut = 0
                }
            }
            guard !state.blocks.isEmpty else { throw TimedOut(what: "a block of ports is free: see \(folder)") }
            defer { state.handedOut += 1 }
            return state.blocks[state.handedOut / PortBlocks.blockSize].start + state.handedOut % PortBlocks.blockSize
        }
    }

    /// A block that no other process has, locked; nil when there is none.
    private func lockBlock(besides own: [Int]) -> (start: Int, lock: Int32)? {
        for start in stride(from: PortBlocks.all.lowerBound, to: PortBlocks.all.upperBound, by: PortBlocks.blockSize)
        where !own.contains(start) {
            let path = "\(folder)/saveferry-test-ports-\(start).lock"
            var lock = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0o644)
            // Another user's, in a folder that keeps users apart (proc_sys_fs(5), protected_regular).
            if lock < 0 { lock = open(path, O_RDONLY | O_CLOEXEC) }
            guard lock >= 0 else { continue }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { return (start, lock) }
            close(lock)
        }
        return nil
    }
}
