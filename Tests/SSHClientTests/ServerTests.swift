import SSHClient
import Testing

/// What needs a server, or time to pass: one test after the other. The deadlines are made for a device, not for a machine
/// that runs twenty servers at once.
@Suite(.serialized, .timeLimit(.minutes(15))) enum ServerTests {}

extension Deadlines {
    /// For tests that are not about time, on machines that have much else to do.
    static let patient = Deadlines(connect: .seconds(60), handshake: .seconds(60), idle: .seconds(60))
}
