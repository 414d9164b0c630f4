import Foundation
import Synchronization

/// Stands between sshd and sftp-server(8), sees every packet whole, and does at one of them what a test says: for what
/// has to happen at an exact moment, without waiting for it.
///
/// sshd starts a relay to this process in place of the SFTP server; the real server runs behind the gate.
public final class SFTPGate: Sendable {
    /// One packet on its way.
    public struct Packet: Sendable {
        /// 1, 2, 3 … in both directions together, since the rule was set.
        public let number: Int
        /// From the server to the client.
        public let isAnswer: Bool
        /// What is asked, or what was: `open`, `read`, `write`, `posix-rename` and so on, extensions without their `@`.
        public let request: String
        /// The path it is about (the old one of a rename), also where the packet names only a handle.
        public let path: String
    }

    /// What becomes of a packet.
    public enum Verdict: Sendable {
        case pass
        /// It is lost, and so is everything after it in this session.
        case cut
    }

    /// Decides about each packet; may block, and everything else then waits.
    public typealias Rule = @Sendable (Packet) -> Verdict

    private let folder: TemporaryFolder
    private let listener: Int32
    private let state: State

    /// A gate before an SFTP server with these arguments, for example `-P` and `posix-rename`.
    public init(_ serverArguments: [String] = []) throws {
        folder = try TemporaryFolder()
        let (descriptor, port) = try listeningSocket()
        listener = descriptor
        state = State(serverArguments)
        try folder.write(
            """
            exec 3<>/dev/tcp/127.0.0.1/\(port) 4<&0
            cat <&3 &
            cat <&4 >&3 &
            wait -n
            kill $(jobs -p)
            """, to: "relay.sh")
        Thread.detachNewThread { [state] in
            while let client = nextConnection(descriptor) { state.serve(client) }
        }
    }

    deinit {
        // Wakes the thread that accepts.
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// What sshd is to start as its SFTP subsystem.
    public var command: String { "/bin/bash \(folder("relay.sh"))" }

    /// From now on `rule` decides, with numbers beginning at 1 again; nil lets everything pass.
    public func set(_ rule: Rule?) {
        state.rule.withLock { $0 = (rule, 0) }
    }

    /// Holds the first packet that `isMeant` says, and with it everything that goes through the gate, until it is let go.
    public func hold(_ isMeant: @escaping @Sendable (Packet) -> Bool) -> Hold {
        let hold = Hold()
        set { packet in isMeant(packet) ? hold.stand() : .pass }
        return hold
    }

    /// A packet that stands before the gate.
    public final class Hold: Sendable {
        private let isReached = Mutex(false)
        private let verdict = Mutex<Verdict?>(nil)
        private let go = DispatchSemaphore(value: 0)

        fileprivate func stand() -> Verdict {
            if let verdict = verdict.withLock({ $0 }) { return verdict }
            isReached.withLock { $0 = true }
            go.wait()
            return verdict.withLock { $0 } ?? .cut
        }

        /// Waits until the packet is there.
        public func reached() async throws {
            try await eventually("the packet reaches the gate") { isReached.withLock { $0 } }
        }

        /// Lets it go on its way, or be lost; and so every later one that is meant.
        public func release(_ decision: Verdict) {
            verdict.withLock { $0 = decision }
            go.signal()
        }
    }

    /// What the threads of all sessions share.
    private final class State: Sendable {
        let rule = Mutex<(decide: Rule?, seen: Int)>((nil, 0))
        private let serverArguments: [String]

        init(_ serverArguments: [String]) { self.serverArguments = serverArguments }

        func serve(_ client: Int32) {
            guard let pair = try? connectedPair(),
                let pid = try? spawn(
                    "/usr/lib/openssh/sftp-server", serverArguments,
                    describe: { actions in
                        for standard in [Int32(0), 1] {
                            posix_spawn_file_actions_adddup2(&actions, pair.theirs, standard)
                        }
                    })
            else { return }
            close(pair.theirs)
            let session = GatedSession(client: client, server: pair.ours, pid: pid) { isAnswer, request, path in
                self.rule.withLock { rule in
                    rule.seen += 1
                    return rule.decide?(
                        Packet(number: rule.seen, isAnswer: isAnswer, request: request, path: path)) ?? .pass
                }
            }
            session.start()
        }
    }
}

/// One SFTP session through the gate, on two threads.
private final class GatedSession: Sendable {
    private let client: Int32
    private let server: Int32
    private let pid: pid_t
    private let decide: @Sendable (Bool, String, String) -> SFTPGate.Verdict
    private let known = Mutex(Known())

    /// What was asked under which number, and which handles stand for which paths.
    private struct Known {
        var requests: [UInt32: (name: String, path: String)] = [:]
        var handles: [[UInt8]: String] = [:]
    }

    init(
        client: Int32, server: Int32, pid: pid_t, decide: @escaping @Sendable (Bool, String, String) -> SFTPGate.Verdict
    ) {
        (self.client, self.server, self.pid, self.decide) = (client, server, pid, decide)
    }

    func start() {
        let threads = DispatchGroup()
        for isAnswer in [false, true] {
            threads.enter()
            Thread.detachNewThread { [self] in
                carry(isAnswer ? server : client, isAnswer ? client : server, isAnswer: isAnswer)
                for socket in [client, server] { shutdown(socket, Int32(SHUT_RDWR)) }
                threads.leave()
            }
        }
        threads.notify(queue: .global()) { [self] in
            for socket in [client, server] { close(socket) }
            kill(pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
        }
    }

    private func carry(_ from: Int32, _ to: Int32, isAnswer: Bool) {
        while let header = receive(4, from) {
            let length = header.reduce(0) { $0 << 8 | Int($1) }
            guard let body = receive(length, from) else { return }
            let (request, path) = isAnswer ? answered(body) : asked(body)
            guard decide(isAnswer, request, path) == .pass, send(header + body, to) else { return }
        }
    }

    private static let names: [UInt8: String] = [
        1: "init", 3: "open", 4: "close", 5: "read", 6: "write", 7: "lstat", 8: "fstat", 9: "setstat", 10: "fsetstat",
        11: "opendir", 12: "readdir", 13: "remove", 14: "mkdir", 15: "rmdir", 16: "realpath", 17: "stat", 18: "rename",
    ]
    private static let withHandle: Set<String> = ["close", "read", "write", "fstat", "fsetstat", "readdir", "fsync"]

    private func asked(_ body: [UInt8]) -> (String, String) {
        guard let type = body.first, type != 1, body.count >= 9 else { return ("init", "") }
        var rest = body.dropFirst(5)
        var name = GatedSession.names[type] ?? "\(type)"
        if type == 200 {
            name = String(decoding: string(&rest).prefix { $0 != UInt8(ascii: "@") }, as: UTF8.self)
        }
        let subject = string(&rest)
        return known.withLock { known in
            let path =
                GatedSession.withHandle.contains(name)
                ? known.handles[subject] ?? "" : String(decoding: subject, as: UTF8.self)
            known.requests[number(body)] = (name, path)
            return (name, path)
        }
    }

    private func answered(_ body: [UInt8]) -> (String, String) {
        guard let type = body.first, type != 2, body.count >= 5 else { return ("init", "") }
        return known.withLock { known in
            let request = known.requests.removeValue(forKey: number(body)) ?? ("", "")
            if type == 102 {
                var rest = body.dropFirst(5)
                known.handles[string(&rest)] = request.1
            }
            return request
        }
    }

    private func number(_ body: [UInt8]) -> UInt32 { body[1..<5].reduce(0) { $0 << 8 | UInt32($1) } }

    private func string(_ bytes: inout ArraySlice<UInt8>) -> [UInt8] {
        let length = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        defer { bytes = bytes.dropFirst(4 + length) }
        return Array(bytes.dropFirst(4).prefix(length))
    }

    private func receive(_ count: Int, _ from: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var received = 0
        while received < count {
            let part = bytes.withUnsafeMutableBytes {
                recv(from, $0.baseAddress.map { $0 + received }, count - received, 0)
            }
            if part < 0, errno == EINTR { continue }
            guard part > 0 else { return nil }
            received += part
        }
        return bytes
    }

    private func send(_ bytes: [UInt8], _ to: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let part = bytes.withUnsafeBytes {
                Glibc.send(to, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if part < 0, errno == EINTR { continue }
            guard part > 0 else { return false }
            sent += part
        }
        return true
    }
}

/// A socket that listens on 127.0.0.1, and its port.
func listeningSocket() throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listens = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(descriptor, address, length) == 0 && listen(descriptor, 32) == 0
                && getsockname(descriptor, address, &length) == 0
        }
    }
    guard listens else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
}

/// Waits for the next connection; nil once the socket was shut down.
func nextConnection(_ listener: Int32) -> Int32? {
    while true {
        var ready = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, -1) >= 0 || errno == EINTR else { return nil }
        let client = accept(listener, nil, nil)
        if client >= 0 { return client }
        guard errno == EINTR || errno == ECONNABORTED else { return nil }
    }
}
