import Foundation
import Glibc

/// Sockets that clients can connect to from the moment at which they are made, so that what is in the way is known before
/// the daemon begins.
enum BoundSocket {
    /// The daemon's own socket in its state directory, for the user alone (mode 0600). Replaces one that a killed daemon left.
    static func local(in stateDirectory: String) throws(ListenError) -> CInt {
        let path = SocketPath.file(in: stateDirectory)
        var info = stat()
        if lstat(path, &info) == 0 {
            guard info.st_mode & S_IFMT == S_IFSOCK else {
                throw ListenError(path, reason: "something that is no socket is in the way", advice: "Remove it.")
            }
            unlink(path)
        }
        let address: SocketPath
        do { address = try SocketPath(in: stateDirectory) } catch {
            throw ListenError(path, errno: error.code.rawValue)
        }
        // The mode of the socket is that of its file, less the umask (bind(2) on Linux).
        return try listen(on: path, AF_UNIX) { descriptor in
            fchmod(descriptor, 0o600) == 0 && address.withAddress { bind(descriptor, $0, $1) == 0 }
        }
    }

    /// A TCP port of a loopback address.
    static func loopback(_ address: LoopbackAddress) throws(ListenError) -> CInt {
        try listen(on: address.description, address.family) { descriptor in
            var yes: CInt = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
            return address.withAddress { bind(descriptor, $0, $1) == 0 }
        }
    }

    private static func listen(
        on place: String, _ family: CInt, binding bind: (CInt) -> Bool
    ) throws(ListenError) -> CInt {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw ListenError(place, errno: errno) }
        guard bind(descriptor), Glibc.listen(descriptor, 64) == 0 else {
            let code = errno
            close(descriptor)
            throw ListenError(place, errno: code)
        }
        return descriptor
    }
}

/// Why the daemon can't be reached where it should be.
public struct ListenError: Error, Sendable, CustomStringConvertible {
    /// Where, why, and what to do about it.
    public let description: String

    init(_ place: String, reason: String, advice: String) {
        description = "can't listen on \(place): \(reason). \(advice)"
    }

    fileprivate init(_ place: String, errno code: CInt) {
        let advice =
            switch code {
            case EADDRINUSE: "Another program listens there: end it, or choose another port."
            case EACCES: "This user may not: choose another place, or a port from 1024."
            default: "Choose another place."
            }
        self.init(place, reason: String(cString: strerror(code)), advice: advice)
    }
}
