/// How long each part of a connection may take before it is given up.
public struct Deadlines: Hashable, Sendable {
    /// Name look-up, with its wait for those of other devices.
    public let lookUp: Duration
    /// TCP connection.
    public let connect: Duration
    /// Key exchange and authentication together; and by itself, opening a channel.
    public let handshake: Duration
    /// Since the last byte arrived, while an answer is awaited.
    public let idle: Duration
    /// Since the last output of a command that the work can be done without, beside the time that its own work takes.
    public let command: Duration

    /// 30 s to look a name up, 5 s to connect, 10 s to log in, 15 s without progress, 5 s for a command, unless said otherwise.
    public init(
        lookUp: Duration = .seconds(30), connect: Duration = .seconds(5), handshake: Duration = .seconds(10),
        idle: Duration = .seconds(15), command: Duration = .seconds(5)
    ) {
        self.lookUp = lookUp
        self.connect = connect
        self.handshake = handshake
        self.idle = idle
        self.command = command
    }
}
