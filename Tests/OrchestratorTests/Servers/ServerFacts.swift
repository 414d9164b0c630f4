import Foundation
import Logging
import TestSupport
import Testing

@testable import SSHClient

/// What one server was seen to do, as a row of the table in docs/servers.md.
struct ServerFacts {
    let cells: [String]

    static let titles = [
        "server", "replaces a file in one step", "keeps a taken name", "fsync", "number of the file system",
        "shows a link as one", "answers in order", "a handle for each file", "runs commands", "lists what is there",
        "what SaveFerry does about it",
    ]

    /// Looks at a server that `kind` is the name of.
    static func of(_ kind: String) async throws -> ServerFacts {
        let server = try await DeviceServer.start(kind)
        let pin = HostKeyPin(
            algorithm: "ssh-ed25519", fingerprint: try await SSHKeys.shared.fingerprint("host_ed25519"))
        let endpoint = Endpoint(host: "127.0.0.1", port: server.port, user: NSUserName())
        let secret = Secret(SSHKeys.shared.privateText("user"))
        let logger = Logger(label: "facts") { _ in SwiftLogNoOpLogHandler() }
        let connect: @Sendable () async throws -> SSHConnection = {
            try await SSHConnection.connect(
                to: endpoint, pins: [pin], credentials: [.key(file: "user", contents: secret, passphrase: nil)],
                deadlines: .patient, logger: logger)
        }
        if kind == "tinysshd" {
            await #expect(throws: SSHError.self) { _ = try await connect() }
            let unknown = Array(repeating: "–", count: titles.count - 2)
            return ServerFacts(cells: [kind] + unknown + ["can't be reached: no cipher in common"])
        }
        let connection = try await connect()
        defer { connection.close() }
        let look = Look(sftp: try await connection.openSFTP(), folder: try Look.prepared())
        let replaces = try await look.replacesInOneStep()
        let keeps = try await look.keepsTakenNames()
        let forces = try await look.forces()
        let number = await look.fileSystemNumber()
        let links = try await look.links()
        let order = try await look.answersInOrder()
        let handles = try await look.givesEachFileItsHandle()
        let fresh = try await look.listsWhatIsThere()
        connection.close()
        let commands = await runsCommands(connect)

        var actions: [String] = []
        if !replaces { actions.append("replaces a file by way of a backup name, repaired if interrupted") }
        if !keeps { actions.append("looks again before a new name is given") }
        if !forces { actions.append("can't force a file to the card") }
        if number != "yes" { actions.append("tells cards apart by their size, where that is told") }
        if links.hasPrefix("not in") {
            actions.append("asks with LSTAT and READLINK before something is put over a file or folder")
        }
        if look.sftp.capabilities.resemblesOpenSSH {
            actions.append("sends what depends on each other in one flight")
        } else {
            actions.append("waits for an answer before it sends what depends on it")
        }
        if !handles { actions.append("has one file open at a time") }
        if commands != "yes" { actions.append("does without commands") }
        if !fresh {
            actions.append("leaves for later what READ or CLOSE contradict, and says so; `doctor --write-test` warns")
        }
        func word(_ isSo: Bool) -> String { isSo ? "yes" : "no" }
        return ServerFacts(
            cells: [
                kind, word(replaces), word(keeps), word(forces), number, links, word(order), word(handles), commands,
                word(fresh), actions.joined(separator: "; "),
            ])
    }

    private static func runsCommands(_ connect: @Sendable () async throws -> SSHConnection) async -> String {
        guard let connection = try? await connect() else { return "?" }
        defer { connection.close() }
        do {
            let result = try await connection.execute("echo ready", silence: .seconds(5))
            return result.output.starts(with: Array("ready".utf8)) ? "yes" : "no"
        } catch {
            return (try? await connection.openSFTP()) == nil ? "no; the connection ends" : "no"
        }
    }
}

/// One look at a time at a server's SFTP.
private struct Look {
    let sftp: SFTPClient
    let folder: TemporaryFolder

    /// All that is looked at is there before the server is asked for the first time: it may list from a cache.
    static func prepared() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for name in ["atomic-from", "taken-from"] { try folder.write("from", to: name) }
        for name in ["atomic-to", "taken-to", "forced", "links/file"] { try folder.write("to", to: name) }
        for number in 0..<4 { try folder.write("x", to: "handle\(number)") }
        try folder.write("short", to: "cached/file")
        try FileManager.default.createSymbolicLink(atPath: folder("links/link"), withDestinationPath: "file")
        return folder
    }

    func replacesInOneStep() async throws -> Bool {
        guard sftp.capabilities.atomicReplace else { return false }
        let isDone = try await isOK(.posixRename(from: path("atomic-from"), to: path("atomic-to")))
        return isDone && folder.read("atomic-to") == Array("from".utf8)
    }

    func keepsTakenNames() async throws -> Bool {
        _ = try await sftp.single(.rename(from: path("taken-from"), to: path("taken-to")))
        if case .handle(let handle) = try await sftp.single(.openNew(path("taken-to"))) {
            _ = try await sftp.single(.close(handle: handle))
        }
        return folder.read("taken-to") == Array("to".utf8)
    }

    func forces() async throws -> Bool {
        guard sftp.capabilities.fsync else { return false }
        let file = try await sftp.openForTest(folder("forced"))
        let isDone = try await isOK(.fsync(handle: file))
        return try await isOK(.close(handle: file)) && isDone
    }

    func fileSystemNumber() async -> String {
        guard sftp.capabilities.statvfs else { return "no" }
        guard let status = try? await sftp.freeSpace(at: RemotePath(folder.path)) else { return "offered, not told" }
        return status.number == 0 ? "0" : "yes"
    }

    func links() async throws -> String {
        let listed = try await sftp.list(RemotePath(folder("links"))).first { $0.name == Array("link".utf8) }
        guard let listed else { return "not at all" }
        let looked = try await sftp.attributes(of: RemotePath(folder("links/link")), followLinks: false)
        let isFound = try await sftp.isLink(RemotePath(folder("links/link")))
        let isFile = try await sftp.isLink(RemotePath(folder("links/file")))
        guard isFound, !isFile else { return "no" }
        return switch (listed.attributes.kind, looked.kind) {
        case (.symlink, .symlink): "yes"
        case (.symlink, _): "not in LSTAT"
        default: "not in listings"
        }
    }

    /// Writes, what forces them to the disk, and small looks at once, over and over: what is answered in parallel shows it soon.
    func answersInOrder() async throws -> Bool {
        for _ in 0..<100 where await sftp.answersInOrder { try await sftp.askMuchAtOnce(path("burst")) }
        return await sftp.answersInOrder
    }

    func givesEachFileItsHandle() async throws -> Bool {
        var handles: [[UInt8]] = []
        for number in 0..<4 {
            handles.append(try await sftp.openForTest(folder("handle\(number)")))
        }
        for handle in handles { _ = try await sftp.single(.close(handle: handle)) }
        return Set(handles).count == 4
    }

    func listsWhatIsThere() async throws -> Bool {
        let directory = RemotePath(folder("cached"))
        _ = try await sftp.list(directory)
        try folder.write("not so short", to: "cached/file")
        return try await sftp.list(directory).first?.attributes.size == 12
    }

    private func path(_ name: String) -> [UInt8] { Array(folder(name).utf8) }

    private func isOK(_ request: SFTPRequest) async throws -> Bool {
        if case .status(let status) = try await sftp.single(request) { status.code == SFTPStatus.ok } else { false }
    }
}

extension SFTPClient {
    fileprivate var answersInOrder: Bool { pipelines.allSatisfy(\.answersInOrder) }

    fileprivate func askMuchAtOnce(_ path: [UInt8]) async throws {
        let pipeline = pipelines[0]
        let file = try handle(try await pipeline.send(.openNew(path)).value(), "open a file")
        let chunk = [UInt8](repeating: 7, count: 32 << 10)
        var asked: [Pending<SFTPResponse>] = []
        for number in 0..<40 {
            asked.append(pipeline.send(.write(handle: file, offset: UInt64(number * chunk.count), data: chunk)))
        }
        if capabilities.fsync { asked.append(pipeline.send(.fsync(handle: file))) }
        for _ in 0..<40 { asked.append(pipeline.send(.lstat(path))) }
        for answer in asked { _ = try await answer.value() }
        _ = try await pipeline.send(.close(handle: file)).value()
        _ = try await pipeline.send(.remove(path)).value()
    }

    /// The handle of an open file, which stays open.
    fileprivate func openForTest(_ path: String) async throws -> [UInt8] {
        try handle(try await single(.openRead(RemotePath(path).bytes)), "open \(path)")
    }
}
