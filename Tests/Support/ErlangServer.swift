import Foundation

/// Erlang's ssh with its ssh_sftpd as the current user on a free port of 127.0.0.1. It gives one handle to several open files.
public final class ErlangServer: Sendable {
    /// The port it listens on.
    public let port: Int
    private let folder: TemporaryFolder
    private let process: ServerProcess

    /// Starts the server and waits until it accepts connections.
    public init() async throws {
        folder = try TemporaryFolder()
        port = try freePort()
        try folder.write(SSHKeys.shared.privateText("host_ed25519"), to: "system/ssh_host_ed25519_key", mode: 0o600)
        try folder.write(SSHKeys.shared.publicLine("host_ed25519"), to: "system/ssh_host_ed25519_key.pub")
        try folder.write(SSHKeys.shared.publicLine("user"), to: "user/authorized_keys")
        let program = """
            {ok, _} = application:ensure_all_started(ssh),
            {ok, _} = ssh:daemon({127, 0, 0, 1}, \(port), [
                {system_dir, "\(folder("system"))"}, {user_dir, "\(folder("user"))"},
                {subsystems, [ssh_sftpd:subsystem_spec([{root, "/"}])]}]),
            receive stop -> ok end.
            """
        process = try ServerProcess(
            "/usr/bin/erl", ["-noshell", "-eval", program], log: folder("log"),
            environment: ["ERL_CRASH_DUMP": folder("crash")])
        let port = port
        try await eventually("Erlang's ssh accepts connections: \(folder("log"))") { accepts(port) }
    }
}
