import NIOCore
import NIOPosix

/// Looks whether a TCP connection to a device comes about. Says nothing over it, and closes it at once.
///
/// A name is looked up only where it was not found yet, and otherwise once a minute while the device is silent, because a
/// look-up of a device that sleeps may take many times as long as the probe; see ``LookUps``.
public actor Probe {
    private let lookUps: LookUps
    private let loop: any EventLoop
    private let deadline: Duration
    /// For how long an address counts that does not answer, or not as the device.
    private let lifetime: TimeAmount

    /// A probe whose answer takes `deadline`; where a name must be looked up anew, at most three times that.
    public init(deadline: Duration = .seconds(3)) {
        self.init(deadline: deadline, on: MultiThreadedEventLoopGroup.singleton.next(), lookUps: .shared)
    }

    init(deadline: Duration, on loop: any EventLoop, lookUps: LookUps, lifetime: TimeAmount = .seconds(60)) {
        self.deadline = deadline
        self.loop = loop
        self.lookUps = lookUps
        self.lifetime = lifetime
    }

    /// Whether something accepts connections at this host and port.
    public func isOnline(_ endpoint: Endpoint) async -> Bool {
        if let address = try? SocketAddress(ipAddress: endpoint.host, port: endpoint.port) {
            return await touch { $0.connect(to: address) }.value(within: deadline) != nil
        }
        let found = await lookUps.known(endpoint.host)
        if let found {
            if await answers(endpoint, at: found.addresses) { return true }
            guard .now() - found.date >= lifetime else { return false }
        }
        // What comes of it after the deadline counts the next time.
        let addresses = await lookUps.addresses(of: endpoint.host).value(within: deadline) ?? []
        guard !addresses.isEmpty, addresses != found?.addresses else { return false }
        return await answers(endpoint, at: addresses)
    }

    /// What answers for this name is not the device, or not for long: it is looked up anew, unless that was just done.
    public func doubt(_ endpoint: Endpoint) async {
        await lookUps.forget(endpoint.host, olderThan: lifetime)
    }

    private func answers(_ endpoint: Endpoint, at addresses: [SocketAddress]) async -> Bool {
        let resolver = KnownAddresses(addresses, on: loop)
        return await touch { $0.resolver(resolver).connect(host: endpoint.host, port: endpoint.port) }
            .value(within: deadline) != nil
    }

    private func touch(_ connect: (ClientBootstrap) -> EventLoopFuture<any Channel>) -> EventLoopFuture<Void> {
        connect(ClientBootstrap(group: loop).connectTimeout(TimeAmount(deadline))).map { $0.close(promise: nil) }
    }
}
