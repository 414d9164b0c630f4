import Dispatch
import Glibc
import NIOCore
import NIOPosix

/// Looks names up for probes and runs, a few at a time, on threads of their own: a look-up of a device that sleeps may block for
/// as long as the system's resolver likes, and neither other devices nor disk work are to wait for it. Remembers what was found.
actor LookUps {
    /// Where a name was found, and when it was last asked for.
    struct Found: Sendable {
        var addresses: [SocketAddress]
        var date: NIODeadline
    }

    /// One line for all, so that there are never more threads.
    static let shared = LookUps(on: MultiThreadedEventLoopGroup.singleton.next())

    private var line = NameLine()
    private var found: [String: Found] = [:]
    private var pending: [String: EventLoopPromise<[SocketAddress]>] = [:]
    private let loop: any EventLoop
    private let resolve: @Sendable (String) -> [SocketAddress]
    private let queue = DispatchQueue(label: "saveferry.names", attributes: .concurrent)

    /// Look-ups by `resolve`, which may block, and returns nothing for a name that is not known.
    init(on loop: any EventLoop, by resolve: @escaping @Sendable (String) -> [SocketAddress] = LookUps.ask) {
        self.loop = loop
        self.resolve = resolve
    }

    /// Where a name was found; nil when it has not been, or that was forgotten.
    func known(_ name: String) -> Found? { found[name] }

    /// Forgets where a name was found, unless it was asked for less than `age` ago.
    func forget(_ name: String, olderThan age: TimeAmount) {
        if let date = found[name]?.date, .now() - date >= age { found[name] = nil }
    }

    /// The addresses that a name has, as soon as its turn has come; none when it is not known, or was not a short time ago.
    func addresses(of name: String) -> EventLoopFuture<[SocketAddress]> {
        if let promise = pending[name] { return promise.futureResult }
        guard line.add(name, at: .now()) else { return loop.makeSucceededFuture([]) }
        let promise = loop.makePromise(of: [SocketAddress].self)
        pending[name] = promise
        begin()
        return promise.futureResult
    }

    private func begin() {
        while let name = line.next() {
            queue.async { [resolve] in
                let begun = NIODeadline.now()
                let addresses = resolve(name)
                let time = NIODeadline.now() - begun
                Task { await self.end(name, addresses, after: time) }
            }
        }
    }

    private func end(_ name: String, _ addresses: [SocketAddress], after time: TimeAmount) {
        line.end(name, isFound: !addresses.isEmpty, after: time, at: .now())
        if !addresses.isEmpty {
            found[name] = Found(addresses: addresses, date: .now())
        } else {
            // Where it was is the best that is known of it.
            found[name]?.date = .now()
        }
        pending.removeValue(forKey: name)?.succeed(addresses)
        begin()
    }

    /// What stands for the look-up of `host` in a connection: where it is found now, or was last when it is not, or its turn does
    /// not come within `limit`: a look-up that began while the device slept says nothing of one that has woken up. Nowhere, when it
    /// was never found. Ends at once when the task is cancelled.
    func resolver(for host: String, within limit: Duration) async throws(SSHError) -> KnownAddresses {
        let fresh = await addresses(of: host).value(within: limit)
        if let fresh, !fresh.isEmpty { return KnownAddresses(fresh, on: loop) }
        guard !Task.isCancelled else {
            throw SSHError(.cancelled, "the look-up of \(printable(host.utf8)) was given up")
        }
        guard let addresses = known(host)?.addresses ?? fresh else {
            throw SSHError(
                .unreachable, "the name \(printable(host.utf8)) could not be looked up within \(limit)",
                advice: "Does the network's name server answer? A device with an IP address needs none.")
        }
        return KnownAddresses(addresses, on: loop)
    }

    /// Asks the system (getaddrinfo(3)). Blocks.
    @Sendable static func ask(_ name: String) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &first) == 0 else { return [] }
        defer { freeaddrinfo(first) }
        return sequence(first: first, next: { $0?.pointee.ai_next }).compactMap { entry in
            guard let entry = entry?.pointee, let address = UnsafeRawPointer(entry.ai_addr) else { return nil }
            return switch entry.ai_family {
            case AF_INET: SocketAddress(address.loadUnaligned(as: sockaddr_in.self), host: name)
            case AF_INET6: SocketAddress(address.loadUnaligned(as: sockaddr_in6.self), host: name)
            default: nil
            }
        }
    }
}

/// Addresses that are known already, for NIO to try (RFC 8305).
final class KnownAddresses: Resolver, Sendable {
    private let addresses: [SocketAddress]
    private let loop: any EventLoop

    init(_ addresses: [SocketAddress], on loop: any EventLoop) {
        self.addresses = addresses
        self.loop = loop
    }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { all(.inet, port) }
    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { all(.inet6, port) }
    func cancelQueries() {}

    private func all(_ family: NIOBSDSocket.ProtocolFamily, _ port: Int) -> EventLoopFuture<[SocketAddress]> {
        loop.makeSucceededFuture(
            addresses.filter { $0.protocol == family }.map { address in
                var address = address
                address.port = port
                return address
            })
    }
}
