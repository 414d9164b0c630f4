import NIOCore

/// A server's answer (draft-ietf-secsh-filexfer-02, section 7).
enum SFTPResponse: Hashable {
    case status(SFTPStatus)
    case handle([UInt8])
    case data(ByteBuffer)
    case names([RemoteEntry])
    case attributes(RemoteAttributes)
    case extended(ByteBuffer)
}

/// SSH_FXP_STATUS: a code and the server's own words, safe to print.
struct SFTPStatus: Hashable {
    let code: UInt32
    let message: String

    static let ok: UInt32 = 0
    static let endOfFile: UInt32 = 1
    static let noSuchFile: UInt32 = 2
    static let permissionDenied: UInt32 = 3
    static let failure: UInt32 = 4
    static let unsupported: UInt32 = 8
}

/// Why bytes are not SFTP.
struct SFTPMalformed: Error, Hashable {
    let reason: String
}

/// One packet from the server: the request it answers, and the answer.
struct SFTPReply: Hashable {
    let number: UInt32
    let response: SFTPResponse

    /// Reads the packet's contents, without its length. Never trusts a length or count inside it.
    init(_ packet: ByteBuffer) throws(SFTPMalformed) {
        var packet = packet
        guard let type = packet.readInteger(as: UInt8.self), let number = packet.readInteger(as: UInt32.self) else {
            throw SFTPMalformed(reason: "a packet too short for a type and a number")
        }
        self.number = number
        switch type {
        case 101: response = .status(try packet.readStatus())
        case 102:
            let handle = try packet.readString("a handle")
            guard handle.count <= 256 else { throw SFTPMalformed(reason: "a handle of \(handle.count) bytes") }
            response = .handle(handle)
        case 103:
            guard let length = packet.readInteger(as: UInt32.self), let data = packet.readSlice(length: Int(length))
            else { throw SFTPMalformed(reason: "data shorter than its length") }
            response = .data(data)
        case 104: response = .names(try packet.readNames())
        case 105: response = .attributes(try packet.readAttributes())
        case 201: response = .extended(packet)
        default: throw SFTPMalformed(reason: "a packet of type \(type)")
        }
    }
}

/// SSH_FXP_VERSION: what the server speaks.
struct SFTPVersion {
    let version: UInt32
    let extensions: [(name: String, version: String)]

    /// Reads the packet's contents, without its length.
    init(_ packet: ByteBuffer) throws(SFTPMalformed) {
        var packet = packet
        guard packet.readInteger(as: UInt8.self) == 2, let version = packet.readInteger(as: UInt32.self) else {
            throw SFTPMalformed(reason: "no VERSION answer")
        }
        self.version = version
        var extensions: [(String, String)] = []
        while packet.readableBytes > 0, extensions.count < 256 {
            let name = try packet.readString("an extension's name")
            let value = try packet.readString("an extension's version")
            extensions.append((printable(name), printable(value)))
        }
        self.extensions = extensions
    }
}

extension ByteBuffer {
    fileprivate mutating func readString(_ what: String) throws(SFTPMalformed) -> [UInt8] {
        guard let bytes = readString32() else { throw SFTPMalformed(reason: "\(what) shorter than its length") }
        return bytes
    }

    fileprivate mutating func readStatus() throws(SFTPMalformed) -> SFTPStatus {
        guard let code = readInteger(as: UInt32.self) else { throw SFTPMalformed(reason: "a status without a code") }
        // Message and language are missing from some old servers.
        let message = code == SFTPStatus.ok ? "" : readString32().map { printable($0.prefix(512)) } ?? ""
        return SFTPStatus(code: code, message: message)
    }

    fileprivate mutating func readNames() throws(SFTPMalformed) -> [RemoteEntry] {
        guard let count = readInteger(as: UInt32.self) else { throw SFTPMalformed(reason: "names without a count") }
        // Each takes at least twelve bytes; a larger count is a lie that must not reserve memory.
        guard Int(count) <= readableBytes / 12 else {
            throw SFTPMalformed(reason: "\(count) names in \(readableBytes) bytes")
        }
        var entries: [RemoteEntry] = []
        entries.reserveCapacity(Int(count))
        for _ in 0..<count {
            let name = try readString("a name")
            let longName = try readString("a long name")
            entries.append(RemoteEntry(name: name, attributes: try readAttributes(longName: longName)))
        }
        return entries
    }

    fileprivate mutating func readAttributes(longName: [UInt8] = []) throws(SFTPMalformed) -> RemoteAttributes {
        guard let flags = readInteger(as: UInt32.self) else { throw SFTPMalformed(reason: "attributes without flags") }
        func missing() -> SFTPMalformed { SFTPMalformed(reason: "attributes shorter than their flags say") }
        var size: UInt64 = 0
        var ownership: Ownership?
        var permissions: UInt32?
        var modified: UInt32 = 0
        if flags & 0x01 != 0 {
            guard let value = readInteger(as: UInt64.self) else { throw missing() }
            size = value
        }
        if flags & 0x02 != 0 {
            guard let user = readInteger(as: UInt32.self), let group = readInteger(as: UInt32.self) else {
                throw missing()
            }
            ownership = Ownership(user: user, group: group)
        }
        if flags & 0x04 != 0 {
            guard let value = readInteger(as: UInt32.self) else { throw missing() }
            permissions = value
        }
        if flags & 0x08 != 0 {
            guard readInteger(as: UInt32.self) != nil, let value = readInteger(as: UInt32.self) else { throw missing() }
            modified = value
        }
        if flags & 0x8000_0000 != 0 {
            guard let count = readInteger(as: UInt32.self), Int(count) <= readableBytes / 8 else { throw missing() }
            for _ in 0..<count {
                _ = try readString("an attribute's name")
                _ = try readString("an attribute's value")
            }
        }
        return RemoteAttributes(
            kind: RemoteAttributes.Kind(permissions: permissions, longName: longName), size: size,
            modified: Int64(modified), permissions: permissions.map { $0 & 0o7777 }, ownership: ownership,
            tellsSize: flags & 0x01 != 0)
    }
}

extension RemoteAttributes.Kind {
    /// The file type bits of POSIX, or the first letter of an `ls -l` line where there are none.
    fileprivate init(permissions: UInt32?, longName: [UInt8]) {
        switch permissions.map({ $0 & 0o170000 }) {
        case 0o100000: self = .file
        case 0o040000: self = .directory
        case 0o120000: self = .symlink
        case .some(let bits) where bits != 0: self = .other
        default:
            switch longName.first {
            case UInt8(ascii: "-"): self = .file
            case UInt8(ascii: "d"): self = .directory
            case UInt8(ascii: "l"): self = .symlink
            default: self = .other
            }
        }
    }
}
