import Dispatch
import NIOCore
import NIOPosix
import Synchronization

@testable import SSHClient

/// Look-ups whose answers a test decides.
final class Names: Sendable {
    private let answers = Mutex<[String: [String]]>([:])
    private let asked = Mutex<[String]>([])
    /// Names that begin with `hung` are answered when this is signalled.
    let release = DispatchSemaphore(value: 0)

    func set(_ name: String, _ addresses: String...) { answers.withLock { $0[name] = addresses } }
    func count(_ name: String) -> Int { asked.withLock { $0.count { $0 == name } } }

    @Sendable private func resolve(_ name: String) -> [SocketAddress] {
        asked.withLock { $0.append(name) }
        if name.hasPrefix("hung") { release.wait() }
        return answers.withLock { $0[name] ?? [] }.compactMap { try? SocketAddress(ipAddress: $0, port: 0) }
    }

    /// A line of its own for these names.
    func lookUps() -> LookUps { LookUps(on: MultiThreadedEventLoopGroup.singleton.next(), by: resolve) }

    func probe(lifetime: TimeAmount = .seconds(60), deadline: Duration = .seconds(5)) -> Probe {
        Probe(
            deadline: deadline, on: MultiThreadedEventLoopGroup.singleton.next(), lookUps: lookUps(),
            lifetime: lifetime)
    }
}
