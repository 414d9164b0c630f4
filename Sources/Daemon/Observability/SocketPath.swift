import Foundation
import Glibc

/// The address of the daemon's socket, for as long as this is in use.
///
/// An address has room for 107 bytes (unix(7)). A longer path is written by way of its opened directory
/// (`/proc/self/fd/N`, proc(5)).
final class SocketPath: Sendable {
    /// The socket's name in the state directory.
    static let name = "saveferry.sock"

    /// The socket's file, however long that path is.
    static func file(in stateDirectory: String) -> String { "\(stateDirectory)/\(name)" }

    /// What to bind or connect to. NIO's own way from a path to an address refuses the longest four lengths.
    let address: sockaddr_un
    private let directory: CInt?

    init(in stateDirectory: String) throws(POSIXError) {
        var path = SocketPath.file(in: stateDirectory)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        if path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) {
            directory = nil
        } else {
            let descriptor = open(stateDirectory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            directory = descriptor
            path = "/proc/self/fd/\(descriptor)/\(SocketPath.name)"
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        self.address = address
    }

    deinit { if let directory { close(directory) } }

    func withAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
