import TestSupport

/// The kinds of server that faults are tried against.
enum FaultServer: String, CaseIterable, Sendable {
    case openssh
    /// A file can't be replaced in one step.
    case withoutPosixRename = "no-posix-rename"
    /// No extension at all: small packets, nothing forced to the card, and requests that may be carried out side by side.
    case withoutExtensions = "no-extensions"
    case dropbear

    /// A running server.
    struct Running: Sendable {
        let port: Int
        /// The server lives as long as this.
        let process: any Sendable
    }

    /// Nil where this kind can't be started on this machine.
    func start() async throws -> Running? {
        switch self {
        case .openssh: try await openSSH("")
        case .withoutPosixRename: try await openSSH("-P posix-rename")
        case .withoutExtensions: try await openSSH("-P posix-rename,fsync,fstatvfs,statvfs,limits")
        case .dropbear: try await dropbear()
        }
    }

    private func openSSH(_ arguments: String) async throws -> Running {
        let server = try await OpenSSHServer(OpenSSHServer.Options(sftpArguments: arguments))
        return Running(port: server.port, process: server)
    }

    private func dropbear() async throws -> Running? {
        guard await DropbearServer.whatIsMissing() == nil else { return nil }
        let server = try await DropbearServer()
        return Running(port: server.port, process: server)
    }
}
