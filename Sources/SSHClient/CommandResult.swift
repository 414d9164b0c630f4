import NIOCore

/// What a command on the device printed and how it ended.
public struct CommandResult: Sendable {
    /// The exit status; 0 is success, -1 when a signal ended the command or the device told no status.
    public let status: Int32
    /// What it wrote to its standard output.
    public let output: [UInt8]
    /// What it wrote to its standard error.
    public let errorOutput: [UInt8]

    /// Gathers both outputs until the channel ends. Gives the channel up when one has more than `maxOutput` bytes, when neither
    /// had any for `silence`, and after `limit` in any case.
    static func collect(
        from stream: SSHStream, maxOutput: Int, silence: Duration?, limit: Duration?,
        isolation: isolated (any Actor)? = #isolation
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
        let end = limit.map { limit in
            stream.eventLoop.scheduleTask(in: TimeAmount(limit)) {
                stream.giveUp(SSHError(.timedOut, "a command on the device did not end within \(limit)"))
            }
        }
        func add(_ bytes: ByteBuffer, to buffer: inout ByteBuffer) {
            let room = maxOutput - buffer.readableBytes
            buffer.writeBytes(bytes.readableBytesView.prefix(room))
            if bytes.readableBytes > room {
                stream.giveUp(SSHError(.failure, "a command on the device printed more than \(maxOutput) bytes"))
            }
        }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            stream.setAwaitingAnswer(silence == nil)
            stream.listenForErrors { add($0, to: &errors) }
            stream.listen(
                onBytes: { bytes in
                    waitForOutput()
                    add(bytes, to: &output)
                },
                onEnd: { _ in continuation.resume() })
        }
        timer?.cancel()
        end?.cancel()
        let status: Int32 = if case .exited(let status) = stream.programEnd { status } else { -1 }
        return CommandResult(
            status: status, output: Array(output.readableBytesView), errorOutput: Array(errors.readableBytesView))
    }
}
