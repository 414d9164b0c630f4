import Foundation

/// The service manager that started this process, as systemd does, told how the daemon fares by datagrams (sd_notify(3)).
public struct ServiceManager: Sendable {
    /// How long it waits for a sign of life before it takes the daemon for hung; nil when it does not wait for any.
    public let watchdog: Duration?
    /// Where it listens; nil when there is none, and nobody is told anything.
    private let address: [UInt8]?

    /// The one that the environment names, or none.
    ///
    /// Takes its variables out of the environment, so that programs that the daemon starts don't speak for it. To be called
    /// before there are other threads (unsetenv(3)).
    public static func fromEnvironment() -> ServiceManager {
        let variables = ProcessInfo.processInfo.environment
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { unsetenv(name) }
        // sd_watchdog_enabled(3): meant for the process with that number, or for any without one.
        let isForUs = variables["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        let microseconds = variables["WATCHDOG_USEC"].flatMap { Int64($0) }.flatMap { $0 > 0 ? $0 : nil }
        return ServiceManager(
            socket: variables["NOTIFY_SOCKET"] ?? "", watchdog: isForUs ? microseconds.map { .microseconds($0) } : nil)
    }

    /// A manager that listens at `socket`: an absolute path, or `@` and a name in the abstract namespace (unix(7)). None for
    /// anything else.
    init(socket: String, watchdog: Duration?) {
        self.watchdog = watchdog
        let path = Array(socket.utf8)
        let room = MemoryLayout.size(ofValue: sockaddr_un().sun_path)
        switch path.first {
        case UInt8(ascii: "/") where path.count < room: address = path
        case UInt8(ascii: "@") where path.count <= room: address = [0] + path.dropFirst()
        default: address = nil
        }
    }

    /// Sends assignments such as `READY=1`. One that can't be sent at once is lost: the manager does not hold up the daemon.
    public func tell(_ assignments: String...) {
        guard let address else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: address) }
        let length = MemoryLayout.offset(of: \sockaddr_un.sun_path).map { $0 + address.count } ?? 0
        let message = Array(assignments.joined(separator: "\n").utf8)
        withUnsafePointer(to: &name) { name in
            name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                _ = sendto(
                    descriptor, message, message.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL), name,
                    socklen_t(length))
            }
        }
    }

    /// Does what comes before the daemon is ready, however long it takes.
    public func waiting<Value>(for start: () async throws -> Value) async rethrows -> Value {
        let extending = Task {
            while !Task.isCancelled {
                tell("EXTEND_TIMEOUT_USEC=60000000")
                try? await Task.sleep(for: .seconds(20))
            }
        }
        defer { extending.cancel() }
        return try await start()
    }
}
