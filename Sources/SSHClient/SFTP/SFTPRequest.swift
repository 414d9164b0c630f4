import NIOCore

/// What we ask of a server (draft-ietf-secsh-filexfer-02, section 6; OpenSSH's PROTOCOL for the extensions).
enum SFTPRequest: Hashable {
    case openRead([UInt8])
    /// A new file: fails when the name exists.
    case openNew([UInt8])
    case close(handle: [UInt8])
    case read(handle: [UInt8], offset: UInt64, length: UInt32)
    case write(handle: [UInt8], offset: UInt64, data: [UInt8])
    case stat([UInt8])
    case lstat([UInt8])
    case fstat(handle: [UInt8])
    case setTimes(handle: [UInt8], modified: UInt32)
    case setPermissions(of: Subject, UInt32)
    case setOwnership(of: Subject, Ownership)
    case openDirectory([UInt8])
    case readDirectory(handle: [UInt8])
    case remove([UInt8])
    case makeDirectory([UInt8])
    case removeDirectory([UInt8])
    case realPath([UInt8])
    case readLink([UInt8])
    case rename(from: [UInt8], to: [UInt8])
    case posixRename(from: [UInt8], to: [UInt8])
    case fsync(handle: [UInt8])
    case statvfs([UInt8])
    case limits

    /// What a request is about: a file that is open, or what stands at a path.
    enum Subject: Hashable {
        case handle([UInt8])
        case path([UInt8])

        /// What the server finds it by.
        var bytes: [UInt8] {
            switch self {
            case .handle(let bytes), .path(let bytes): bytes
            }
        }
    }

    /// SSH_FXP_INIT for version 3, which has no request number.
    static let initialize: [UInt8] = [0, 0, 0, 5, 1, 0, 0, 0, 3]

    /// Appends the packet with this request number.
    func encode(number: UInt32, into buffer: inout ByteBuffer) {
        let start = buffer.writerIndex
        buffer.writeInteger(UInt32(0))
        buffer.writeInteger(type)
        buffer.writeInteger(number)
        encodeBody(into: &buffer)
        buffer.setInteger(UInt32(buffer.writerIndex - start - 4), at: start)
    }

    private var type: UInt8 {
        switch self {
        case .openRead, .openNew: 3
        case .close: 4
        case .read: 5
        case .write: 6
        case .lstat: 7
        case .fstat: 8
        case .setPermissions(of: .path, _), .setOwnership(of: .path, _): 9
        case .setTimes, .setPermissions, .setOwnership: 10
        case .openDirectory: 11
        case .readDirectory: 12
        case .remove: 13
        case .makeDirectory: 14
        case .removeDirectory: 15
        case .realPath: 16
        case .stat: 17
        case .rename: 18
        case .readLink: 19
        case .posixRename, .fsync, .statvfs, .limits: 200
        }
    }

    private func encodeBody(into buffer: inout ByteBuffer) {
        switch self {
        case .openRead(let path):
            buffer.writeString32(path)
            buffer.writeMultipleIntegers(UInt32(0x01), UInt32(0))
        case .openNew(let path):
            buffer.writeString32(path)
            buffer.writeMultipleIntegers(UInt32(0x02 | 0x08 | 0x20), UInt32(0))
        case .close(let handle), .fstat(let handle), .readDirectory(let handle):
            buffer.writeString32(handle)
        case .read(let handle, let offset, let length):
            buffer.writeString32(handle)
            buffer.writeMultipleIntegers(offset, length)
        case .write(let handle, let offset, let data):
            buffer.writeString32(handle)
            buffer.writeInteger(offset)
            buffer.writeString32(data)
        case .stat(let path), .lstat(let path), .openDirectory(let path), .remove(let path), .removeDirectory(let path),
            .realPath(let path), .readLink(let path):
            buffer.writeString32(path)
        case .makeDirectory(let path):
            buffer.writeString32(path)
            buffer.writeInteger(UInt32(0))
        case .setTimes(let handle, let modified):
            buffer.writeString32(handle)
            buffer.writeMultipleIntegers(UInt32(0x08), modified, modified)
        case .setPermissions(let subject, let permissions):
            buffer.writeString32(subject.bytes)
            buffer.writeMultipleIntegers(UInt32(0x04), permissions)
        case .setOwnership(let subject, let ownership):
            buffer.writeString32(subject.bytes)
            buffer.writeMultipleIntegers(UInt32(0x02), ownership.user, ownership.group)
        case .rename(let from, let to):
            buffer.writeString32(from)
            buffer.writeString32(to)
        case .posixRename(let from, let to):
            buffer.writeString32(Array("posix-rename@openssh.com".utf8))
            buffer.writeString32(from)
            buffer.writeString32(to)
        case .fsync(let handle):
            buffer.writeString32(Array("fsync@openssh.com".utf8))
            buffer.writeString32(handle)
        case .statvfs(let path):
            buffer.writeString32(Array("statvfs@openssh.com".utf8))
            buffer.writeString32(path)
        case .limits:
            buffer.writeString32(Array("limits@openssh.com".utf8))
        }
    }
}

#if DEBUG
    extension SFTPRequest {
        /// What a fault's point is called in a test's words.
        var words: String {
            switch self {
            case .openRead(let path): "OPEN-READ \(shown(path))"
            case .openNew(let path): "OPEN-NEW \(shown(path))"
            case .close: "CLOSE"
            case .read(_, let offset, let length): "READ \(length) at \(offset)"
            case .write(_, let offset, let data): "WRITE \(data.count) at \(offset)"
            case .stat(let path): "STAT \(shown(path))"
            case .lstat(let path): "LSTAT \(shown(path))"
            case .fstat: "FSTAT"
            case .setTimes: "SET-TIMES"
            case .setPermissions: "SET-PERMISSIONS"
            case .setOwnership: "SET-OWNERSHIP"
            case .openDirectory(let path): "OPEN-DIRECTORY \(shown(path))"
            case .readDirectory: "READ-DIRECTORY"
            case .remove(let path): "REMOVE \(shown(path))"
            case .makeDirectory(let path): "MAKE-DIRECTORY \(shown(path))"
            case .removeDirectory(let path): "REMOVE-DIRECTORY \(shown(path))"
            case .realPath(let path): "REAL-PATH \(shown(path))"
            case .readLink(let path): "READ-LINK \(shown(path))"
            case .rename(let from, let to): "RENAME \(shown(from)) \(shown(to))"
            case .posixRename(let from, let to): "POSIX-RENAME \(shown(from)) \(shown(to))"
            case .fsync: "FSYNC"
            case .statvfs(let path): "STATVFS \(shown(path))"
            case .limits: "LIMITS"
            }
        }

        /// The last two names of a path.
        private func shown(_ path: [UInt8]) -> String {
            String(decoding: path, as: UTF8.self).split(separator: "/").suffix(2).joined(separator: "/")
        }

        /// Whether it could change something on the device.
        var changes: Bool {
            switch self {
            case .openNew, .write, .setTimes, .setPermissions, .setOwnership, .remove, .makeDirectory, .removeDirectory,
                .rename,
                .posixRename, .fsync:
                true
            case .openRead, .close, .read, .stat, .lstat, .fstat, .openDirectory, .readDirectory, .realPath, .readLink,
                .statvfs, .limits:
                false
            }
        }

        /// The same for half of the bytes.
        var halved: SFTPRequest {
            switch self {
            case .write(let handle, let offset, let data):
                .write(handle: handle, offset: offset, data: Array(data.prefix(data.count / 2)))
            case .read(let handle, let offset, let length):
                .read(handle: handle, offset: offset, length: max(1, length / 2))
            default: self
            }
        }
    }
#endif
