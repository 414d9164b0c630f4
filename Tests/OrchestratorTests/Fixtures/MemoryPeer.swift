import Foundation
import NIOCore
import NIOPosix
import Synchronization

@testable import SSHClient

/// A device without a machine: a tree of files in memory, and an SFTP server for it in this process (draft-ietf-secsh-filexfer-02,
/// with OpenSSH's posix-rename and fsync). For more devices than a machine has room for sshds.
final class MemoryTree: Sendable {
    struct File {
        var bytes: [UInt8]
        var modified: UInt32
    }

    private let content: Mutex<(files: [String: File], folders: Set<String>)>
    private let alsoListed: [String: String]

    /// Has these files, by absolute path, and the folders that they are in.
    ///
    /// - Parameter alsoListed: a name that a folder lists as a file besides, by that folder's path; it may lead elsewhere.
    init(_ files: [String: String], folders: Set<String> = [], alsoListed: [String: String] = [:]) {
        self.alsoListed = alsoListed
        let files = files.mapValues { File(bytes: Array($0.utf8), modified: 1_700_000_000) }
        content = Mutex((files, folders))
    }

    /// The texts of all files by path.
    var texts: [String: String] {
        content.withLock { $0.files.mapValues { String(decoding: $0.bytes, as: UTF8.self) } }
    }

    fileprivate func file(_ path: String) -> File? { content.withLock { $0.files[path] } }
    fileprivate func isFolder(_ path: String) -> Bool { content.withLock { $0.folders.contains(path) } }
    fileprivate func put(_ path: String, _ file: File?) { content.withLock { $0.files[path] = file } }

    fileprivate func makeFolder(_ path: String) { content.withLock { _ = $0.folders.insert(path) } }

    fileprivate func move(_ from: String, to: String, replacing: Bool) -> Bool {
        content.withLock { content in
            guard let file = content.files[from], replacing || content.files[to] == nil else { return false }
            content.files[from] = nil
            content.files[to] = file
            return true
        }
    }

    fileprivate func names(in folder: String) -> [(name: String, file: File?)] {
        content.withLock { content in
            let start = folder + "/"
            func name(_ path: String) -> String? {
                guard path.hasPrefix(start), !path.dropFirst(start.count).contains("/") else { return nil }
                return String(path.dropFirst(start.count))
            }
            return content.files.compactMap { path, file in name(path).map { ($0, file) } }
                + content.folders.compactMap { path in name(path).map { ($0, nil) } }
                + (alsoListed[folder].map { [($0, File(bytes: [], modified: 1_700_000_000))] } ?? [])
        }
    }
}

/// One SFTP session with such a tree.
///
/// Sendable because everything in it happens on its event loop.
final class MemoryPeer: ByteStream, @unchecked Sendable {
    let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
    private let tree: MemoryTree
    /// Told when the session is over.
    private let onClose: @Sendable () -> Void
    private var splitter = PacketSplitter(limit: 1 << 20)
    private var handles: [UInt32: (path: String, isRead: Bool)] = [:]
    private var lastHandle: UInt32 = 0
    private var hasGreeted = false
    private var onBytes: ((ByteBuffer) -> Void)?
    private var onEnd: ((SSHError) -> Void)?

    init(_ tree: MemoryTree, onClose: @escaping @Sendable () -> Void) {
        self.tree = tree
        self.onClose = onClose
    }

    // MARK: ByteStream

    func write(_ append: (inout ByteBuffer) -> Void) {
        var bytes = ByteBuffer()
        append(&bytes)
        splitter.append(bytes)
        while var packet = try? splitter.next() {
            var reply = ByteBuffer()
            answer(&packet, &reply)
            var framed = ByteBuffer(integer: UInt32(reply.readableBytes))
            framed.writeBuffer(&reply)
            // In a later turn, as from a network.
            eventLoop.execute { [self, framed] in onBytes?(framed) }
        }
    }

    func listen(onBytes: @escaping (ByteBuffer) -> Void, onEnd: @escaping (SSHError) -> Void) {
        (self.onBytes, self.onEnd) = (onBytes, onEnd)
    }

    func setAwaitingAnswer(_ isAwaiting: Bool) {}

    func fail(_ error: SSHError) {
        guard let listener = onEnd else { return }
        (onBytes, onEnd) = (nil, nil)
        onClose()
        listener(error)
    }

    func close() { fail(SSHError(.cancelled, "the peer was closed")) }

    // MARK: The server

    private func answer(_ packet: inout ByteBuffer, _ reply: inout ByteBuffer) {
        let type = packet.readInteger(as: UInt8.self) ?? 0
        let number = packet.readInteger(as: UInt32.self) ?? 0
        guard hasGreeted else {
            hasGreeted = true
            reply.writeMultipleIntegers(UInt8(2), UInt32(3))
            for (name, version) in [
                ("posix-rename@openssh.com", "1"), ("fstatvfs@openssh.com", "2"), ("fsync@openssh.com", "1"),
            ] {
                reply.writeString32(Array(name.utf8))
                reply.writeString32(Array(version.utf8))
            }
            return
        }
        var name = text(&packet)
        if type == 200 {
            let isRename = name == "posix-rename@openssh.com"
            name = text(&packet)
            let isDone = isRename ? tree.move(name, to: text(&packet), replacing: true) : true
            return status(isDone ? SFTPStatus.ok : SFTPStatus.failure, number, &reply)
        }
        let handle = UInt32(name)
        let opened = handle.flatMap { handles[$0] }
        switch type {
        case 3:
            let isNew = packet.readInteger(as: UInt32.self).map { $0 & 0x08 != 0 } ?? false
            guard isNew == (tree.file(name) == nil) else {
                return status(isNew ? SFTPStatus.failure : SFTPStatus.noSuchFile, number, &reply)
            }
            if isNew { tree.put(name, MemoryTree.File(bytes: [], modified: 1_700_000_000)) }
            open(name, number, &reply)
        case 4:
            if let handle { handles[handle] = nil }
            status(SFTPStatus.ok, number, &reply)
        case 5: read(opened?.path ?? "", &packet, number, &reply)
        case 6:
            let offset = Int(packet.readInteger(as: UInt64.self) ?? 0)
            let bytes = packet.readString32() ?? []
            guard let path = opened?.path, var file = tree.file(path), offset <= file.bytes.count else {
                return status(SFTPStatus.failure, number, &reply)
            }
            file.bytes.replaceSubrange(offset..<min(file.bytes.count, offset + bytes.count), with: bytes)
            tree.put(path, file)
            status(SFTPStatus.ok, number, &reply)
        case 7, 17: attributes(of: name, number, &reply)
        case 8: attributes(of: opened?.path ?? "", number, &reply)
        case 10:
            // Flags, then the time of the last access and that of the last change.
            if packet.readInteger(as: UInt32.self) == 0x08, packet.readInteger(as: UInt32.self) != nil,
                let time = packet.readInteger(as: UInt32.self), let path = opened?.path, var file = tree.file(path)
            {
                file.modified = time
                tree.put(path, file)
            }
            status(SFTPStatus.ok, number, &reply)
        case 11:
            guard tree.isFolder(name) else { return status(SFTPStatus.noSuchFile, number, &reply) }
            open(name, number, &reply)
        case 12: list(handle, number, &reply)
        case 13:
            // As a file system does, wherever it leads.
            let path = (name as NSString).standardizingPath
            guard tree.file(path) != nil else { return status(SFTPStatus.noSuchFile, number, &reply) }
            tree.put(path, nil)
            status(SFTPStatus.ok, number, &reply)
        case 14:
            tree.makeFolder(name)
            status(SFTPStatus.ok, number, &reply)
        case 18:
            let isDone = tree.move(name, to: text(&packet), replacing: false)
            status(isDone ? SFTPStatus.ok : SFTPStatus.failure, number, &reply)
        default: status(SFTPStatus.unsupported, number, &reply)
        }
    }

    private func open(_ path: String, _ number: UInt32, _ reply: inout ByteBuffer) {
        lastHandle += 1
        handles[lastHandle] = (path, false)
        reply.writeMultipleIntegers(UInt8(102), number)
        reply.writeString32(Array("\(lastHandle)".utf8))
    }

    private func read(_ path: String, _ packet: inout ByteBuffer, _ number: UInt32, _ reply: inout ByteBuffer) {
        let offset = Int(packet.readInteger(as: UInt64.self) ?? 0)
        let length = Int(packet.readInteger(as: UInt32.self) ?? 0)
        guard let file = tree.file(path), offset < file.bytes.count else {
            return status(SFTPStatus.endOfFile, number, &reply)
        }
        reply.writeMultipleIntegers(UInt8(103), number)
        reply.writeString32(Array(file.bytes[offset..<min(file.bytes.count, offset + length)]))
    }

    private func list(_ handle: UInt32?, _ number: UInt32, _ reply: inout ByteBuffer) {
        guard let handle, let opened = handles[handle], !opened.isRead else {
            return status(SFTPStatus.endOfFile, number, &reply)
        }
        handles[handle]?.isRead = true
        let names = tree.names(in: opened.path)
        reply.writeMultipleIntegers(UInt8(104), number, UInt32(names.count))
        for (name, file) in names {
            reply.writeString32(Array(name.utf8))
            reply.writeString32([])
            writeAttributes(file, &reply)
        }
    }

    private func attributes(of path: String, _ number: UInt32, _ reply: inout ByteBuffer) {
        let file = tree.file(path)
        guard file != nil || tree.isFolder(path) else { return status(SFTPStatus.noSuchFile, number, &reply) }
        reply.writeMultipleIntegers(UInt8(105), number)
        writeAttributes(file, &reply)
    }

    /// Of a folder where there is no file. Size, permissions and times.
    private func writeAttributes(_ file: MemoryTree.File?, _ reply: inout ByteBuffer) {
        reply.writeMultipleIntegers(UInt32(0x0d), UInt64(file?.bytes.count ?? 0))
        reply.writeMultipleIntegers(file == nil ? UInt32(0o040755) : 0o100644, file?.modified ?? 0, file?.modified ?? 0)
    }

    private func status(_ code: UInt32, _ number: UInt32, _ reply: inout ByteBuffer) {
        reply.writeMultipleIntegers(UInt8(101), number, code)
        reply.writeString32([])
        reply.writeString32([])
    }

    private func text(_ packet: inout ByteBuffer) -> String {
        String(decoding: packet.readString32() ?? [], as: UTF8.self)
    }
}
