import NIOCore

/// What a command on the device printed and how it ended.
public struct CommandResult: Sendable {
    /// The exit status; 0 is success, -1 when a signal ended the command.
    public let status: Int32
    /// What it wrote to its standard output.
    public let output: [UInt8]
    /// What it wrote to its standard error.
    public let errorOutput: [UInt8]

    /// Gathers both outputs until the channel ends, or was silent for `silence`; what exceeds `maxOutput` bytes of one is
    /// dropped.
    static func collect(
        from stream: SSHStream, maxOutput: Int, silence: Duration?, isolation: isolated (any Actor)? = #isolation
    ) async -> CommandResult {
        var output = ByteBuffer()
        var errors = ByteBuffer()
        var timer: Scheduled<Void>?
        func waitForOutput() {
            timer?.cancel()
            timer = silence.map { silence in
                stream.eventLoop.scheduleTask(in: TimeAmount(silence)) {
                    stream.giveUp(SSHError(.timedOut, "a command on the device was silent for \(silence)"))
                }
            }
        }
        waitForOutput()
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            stream.setAwaitingAnswer(silence == nil)
            stream.listenForErrors { bytes in
                errors.writeImmutableBuffer(
                    bytes.getSlice(
                        at: bytes.readerIndex, length: min(bytes.readableBytes, maxOutput - errors.readableBytes))
                        ?? ByteBuffer())
            }
            stream.listen(
                onBytes: { bytes in
                    waitForOutput()
                    output.writeImmutableBuffer(
                        bytes.getSlice(
                            at: bytes.readerIndex, length: min(bytes.readableBytes, maxOutput - output.readableBytes))
                            ?? ByteBuffer())
                },
                onEnd: { _ in continuation.resume() })
        }
        timer?.cancel()
        return CommandResult(
            status: stream.exitStatus, output: Array(output.readableBytesView),
            errorOutput: Array(errors.readableBytesView))
    }
}
