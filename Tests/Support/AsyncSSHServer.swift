import Foundation

/// asyncssh's SFTP server (Debian: python3-asyncssh) on a free port of 127.0.0.1. It runs no commands.
public final class AsyncSSHServer: Sendable {
    /// The port it listens on.
    public let port: Int
    private let folder: TemporaryFolder
    private let process: ServerProcess

    /// Starts the server and waits until it accepts connections.
    ///
    /// - Parameter answer: what it does with its connection when it is to run a command: `close` or `abort`; nil to refuse it.
    public init(toCommands answer: String? = nil) async throws {
        folder = try TemporaryFolder()
        port = try freePort()
        let program = """
            import asyncio, asyncssh
            async def hang_up(process):
                process.channel.get_connection().\(answer ?? "close")()
            async def serve():
                await asyncssh.create_server(
                    asyncssh.SSHServer, '127.0.0.1', \(port), server_host_keys=['\(SSHKeys.shared.path("host_ed25519"))'],
                    authorized_client_keys='\(try folder.write(SSHKeys.shared.publicLine("user"), to: "authorized_keys"))',
                    sftp_factory=True\(answer == nil ? "" : ", process_factory=hang_up"))
                await asyncio.Future()
            asyncio.run(serve())
            """
        process = try ServerProcess("/usr/bin/python3", ["-c", program], log: folder("log"))
        let port = port
        try await eventually("asyncssh accepts connections: \(folder("log"))") { accepts(port) }
    }
}
