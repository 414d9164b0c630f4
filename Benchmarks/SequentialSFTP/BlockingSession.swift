import CLibSFTP
import Foundation

/// A logged-in session with libssh2 on a blocking socket to 127.0.0.1. Ends with the process.
struct BlockingSession {
    /// What one call reads or writes.
    static let bufferSize = 32_768
    private let sftp: OpaquePointer

    /// What a server says of a file.
    struct Attributes {
        let size: UInt64
        /// Seconds since 1970.
        let time: Int
        let isFolder: Bool

        init(_ raw: LIBSSH2_SFTP_ATTRIBUTES) {
            size = raw.filesize
            time = Int(raw.mtime)
            isFolder = raw.permissions & UInt(LIBSSH2_SFTP_S_IFMT) == UInt(LIBSSH2_SFTP_S_IFDIR)
        }
    }

    init(port: UInt16, user: String, keyFile: String) throws {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0, libssh2_init(0) == 0, let session = libssh2_session_init_ex(nil, nil, nil, nil) else {
            throw Failure("can't connect")
        }
        guard libssh2_session_handshake(session, socket) == 0 else { throw Failure("the handshake failed") }
        guard
            libssh2_userauth_publickey_fromfile_ex(session, user, UInt32(user.utf8.count), nil, keyFile, nil) == 0,
            let sftp = libssh2_sftp_init(session)
        else { throw Failure("can't log in or start SFTP") }
        self.sftp = sftp
    }

    /// Files and folders in a folder, in the server's order.
    func list(_ folder: String) throws -> [(name: String, attributes: Attributes)] {
        let handle = try open(folder, 0, LIBSSH2_SFTP_OPENDIR)
        defer { libssh2_sftp_close_handle(handle) }
        var entries: [(name: String, attributes: Attributes)] = []
        var buffer = [CChar](repeating: 0, count: 1024)
        while true {
            var raw = LIBSSH2_SFTP_ATTRIBUTES()
            let length = Int(libssh2_sftp_readdir_ex(handle, &buffer, buffer.count, nil, 0, &raw))
            guard length >= 0 else { throw Failure("can't list \(folder)") }
            if length == 0 { return entries }
            let name = String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if name != ".", name != ".." { entries.append((name, Attributes(raw))) }
        }
    }

    func attributes(of path: String) throws -> Attributes {
        var raw = LIBSSH2_SFTP_ATTRIBUTES()
        guard libssh2_sftp_stat_ex(sftp, path, UInt32(path.utf8.count), LIBSSH2_SFTP_STAT, &raw) == 0 else {
            throw Failure("can't look at \(path)")
        }
        return Attributes(raw)
    }

    func makeFolder(_ path: String) throws {
        guard libssh2_sftp_mkdir_ex(sftp, path, UInt32(path.utf8.count), 0o755) == 0 else {
            throw Failure("can't make \(path)")
        }
    }

    /// Hands a file's bytes to `consume`, piece by piece.
    func read(_ path: String, _ consume: (Data) throws -> Void) throws {
        let handle = try open(path, LIBSSH2_FXF_READ, LIBSSH2_SFTP_OPENFILE)
        defer { libssh2_sftp_close_handle(handle) }
        var buffer = [CChar](repeating: 0, count: Self.bufferSize)
        while true {
            let count = libssh2_sftp_read(handle, &buffer, buffer.count)
            guard count >= 0 else { throw Failure("can't read \(path)") }
            if count == 0 { return }
            try buffer.withUnsafeBytes { try consume(Data($0.prefix(count))) }
        }
    }

    /// Writes what `next` gives, until it gives nothing. Returns how many bytes that were.
    func write(_ path: String, _ next: () throws -> Data?) throws -> UInt64 {
        let flags = LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_TRUNC
        let handle = try open(path, flags, LIBSSH2_SFTP_OPENFILE)
        defer { libssh2_sftp_close_handle(handle) }
        var total: UInt64 = 0
        while let piece = try next(), !piece.isEmpty {
            try piece.withUnsafeBytes { bytes in
                var rest = bytes.bindMemory(to: CChar.self)[...]
                while !rest.isEmpty {
                    let count = libssh2_sftp_write(handle, UnsafeBufferPointer(rebasing: rest).baseAddress, rest.count)
                    guard count > 0 else { throw Failure("can't write \(path)") }
                    rest = rest.dropFirst(count)
                }
            }
            total += UInt64(piece.count)
        }
        return total
    }

    private func open(_ path: String, _ flags: Int32, _ type: Int32) throws -> OpaquePointer {
        let opened = libssh2_sftp_open_ex(
            sftp, path, UInt32(path.utf8.count), UInt(flags), 0o644, type)
        guard let opened else { throw Failure("can't open \(path)") }
        return opened
    }
}

/// What failed, in words.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
