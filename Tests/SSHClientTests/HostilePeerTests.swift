import NIOCore
import TestSupport
import Testing

@testable import SSHClient

/// The client against a server that lies, and against correct servers of a kind that is hard to find.
@Suite struct HostilePeerTests {
    typealias Request = FakePeer.Request

    private func client(_ peer: FakePeer) async throws -> SFTPClient { try await SFTPClient.start(over: peer) }

    // MARK: The first answer

    @Test func `garbage instead of a version is a protocol error`() async throws {
        let greetings = [Array("Welcome to MiSTer\r\n".utf8), [0, 0, 0, 1, 2], Wire.status(0, 0), [0, 0, 0, 0]]
        for greeting in greetings {
            #expect(await code { _ = try await client(FakePeer(greeting: greeting)) } == .protocolError)
        }
    }

    @Test(arguments: [UInt32(0), 2, 4, 6, .max]) func `another version than 3 is unsupported`(_ version: UInt32)
        async throws
    {
        #expect(await code { _ = try await client(FakePeer(greeting: Wire.version(version))) } == .unsupported)
    }

    // MARK: Round trips

    @Test func `a directory that is to be listed is opened along with the session`() async throws {
        // Otherwise both would wait for ever.
        let peer = FakePeer(greetsLate: true)
        try await finish("the session begins") {
            let sftp = try await SFTPClient.start(over: peer, toList: [RemotePath("/a"), RemotePath("/b")])
            for path in ["/a", "/b", "/a"] { #expect(try await sftp.list(RemotePath(path)) == []) }
        }
        #expect(peer.asked.count { $0 == Request.openDirectory } == 3)
    }

    @Test func `nobody waits for answers beyond the end of a directory, where the server works in order`() async throws
    {
        let inOrder = Wire.version(3, Self.greetings[1])
        var isFirst = true
        let peer = FakePeer(greeting: inOrder) { request in
            guard request.type == Request.readDirectory else { return nil }
            defer { isFirst = false }
            return isFirst ? nil : []
        }
        let sftp = try await client(peer)
        let entries = try await finish("the listing ends") { try await sftp.list(RemotePath("/")) }
        #expect(entries.isEmpty)
    }

    // MARK: Answers that no server may give

    static let lies: [(what: String, answer: @Sendable (Request) -> [UInt8]?)] = [
        ("an answer to an unknown request number", { Wire.status($0.number &+ 1_000, 0) }),
        ("an answer given twice", { Wire.handle($0.number, "h") + Wire.handle($0.number, "h") }),
        ("an answer without end", { _ in [0xff, 0xff, 0xff, 0xff] }),
        ("an answer of no bytes", { _ in [0, 0, 0, 0] }),
        ("an answer of an unknown type", { Wire.packet(99, Wire.integer($0.number)) }),
        ("a handle of 257 bytes", { Wire.handle($0.number, String(repeating: "h", count: 257)) }),
        ("OK where a handle is due", { Wire.status($0.number, SFTPStatus.ok) }),
        ("names where a handle is due", { Wire.names($0.number, ["a"]) }),
        ("more data than asked for", { $0.type == Request.read ? Wire.data($0.number, content(101)) : sized($0, 100) }),
        ("data of no bytes", { $0.type == Request.read ? Wire.data($0.number, []) : sized($0, 100) }),
        ("a handle instead of data", { $0.type == Request.read ? Wire.handle($0.number, "h") : sized($0, 100) }),
        ("OK instead of attributes", { $0.type == Request.fstat ? Wire.status($0.number, SFTPStatus.ok) : nil }),
    ]

    private static func sized(_ request: Request, _ size: UInt64) -> [UInt8]? {
        request.type == Request.fstat ? Wire.attributes(request.number, size: size) : nil
    }

    @Test(arguments: lies) func `a lie ends the session`(_ lie: (what: String, answer: @Sendable (Request) -> [UInt8]?))
        async throws
    {
        let sftp = try await client(FakePeer(answer: lie.answer))
        #expect(await code { _ = try await sftp.get("file", expecting: 100) } == .protocolError, "\(lie.what)")
        #expect(await code { _ = try await sftp.get("file") } == .protocolError, "after \(lie.what)")
    }

    @Test func `a directory of answers without names is empty`() async throws {
        let peer = FakePeer { $0.type == Request.readDirectory ? Wire.names($0.number, []) : nil }
        let sftp = try await client(peer)
        let entries = try await finish("the listing ends") { try await sftp.list(RemotePath("/")) }
        #expect(entries.isEmpty)
        #expect(peer.asked.count { $0 == Request.readDirectory } == 16)
    }

    @Test func `names that follow an answer without names, or overtake the end, are not lost`() async throws {
        var answers: [[String]?] = [["a"], [], ["b"], nil, ["c"]]
        let peer = FakePeer { request in
            guard request.type == Request.readDirectory, !answers.isEmpty else { return nil }
            return answers.removeFirst().map { Wire.names(request.number, $0) }
        }
        #expect(try await client(peer).names(in: "/") == ["a", "b", "c"])
    }

    @Test func `names after the end of a directory that was taken for listed end the session`() async throws {
        var answers: [[String]?] = [["a"], nil, ["b"]]
        let peer = FakePeer(greeting: Wire.version(3, Self.greetings[1])) { request in
            guard request.type == Request.readDirectory, !answers.isEmpty else { return nil }
            return answers.removeFirst().map { Wire.names(request.number, $0) }
        }
        let sftp = try await client(peer)
        let code = await code {
            _ = try await sftp.names(in: "/")
            _ = try await sftp.attributes(of: RemotePath("/"))
        }
        #expect(code == .protocolError)
    }

    @Test func `a directory that names something twice is asked again, and then not believed`() async throws {
        for isAlways in [false, true] {
            var listings = 0
            var isUnread = true
            let peer = FakePeer { request in
                if request.type == Request.openDirectory { (listings, isUnread) = (listings + 1, true) }
                guard request.type == Request.readDirectory, isUnread else { return nil }
                isUnread = false
                return Wire.names(request.number, isAlways || listings == 1 ? ["a", "b", "a"] : ["a", "b"])
            }
            let sftp = try await client(peer)
            let code = await code {
                let names = try await sftp.names(in: "/")
                #expect(names == ["a", "b"])
            }
            #expect(code == (isAlways ? .failure : nil))
            #expect(listings == 2)
        }
    }

    @Test(arguments: [".", "file"]) func `a directory without end is a protocol error`(_ name: String) async throws {
        let names = Array(repeating: name, count: 100)
        let peer = FakePeer { $0.type == Request.readDirectory ? Wire.names($0.number, names) : nil }
        let sftp = try await client(peer)
        await sftp.expect(mostEntries: 5_000)
        #expect(await code { _ = try await sftp.list(RemotePath("/")) } == .protocolError)
    }

    // MARK: Budgets

    @Test func `hundreds of transfers keep at most 64 files open`() async throws {
        let peer = FakePeer { Self.sized($0, 0) }
        let sftp = try await client(peer)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<400 {
                group.addTask { _ = try await index % 2 == 0 ? sftp.get("file").read.after : sftp.put([], to: "file") }
            }
            try await group.waitForAll()
        }
        let (most, left) = try await peer.eventLoop.submit { (peer.mostOpenFiles, peer.openFiles) }.get()
        #expect(most > 32 && most <= 64)
        #expect(left == 0)
    }

    @Test func `many listings keep at most 128 directories open`() async throws {
        let peer = FakePeer()
        let sftp = try await client(peer)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 { group.addTask { _ = try await sftp.list(RemotePath("/")) } }
            try await group.waitForAll()
        }
        let (most, left) = try await peer.eventLoop.submit { (peer.mostOpenFiles, peer.openFiles) }.get()
        #expect(most > 64 && most <= 128)
        #expect(left == 0)
    }

    /// Correct, and rare: what is missing must be asked for again without waiting for a budget that only oneself can free.
    @Test func `files come whole from a server that gives less than asked for`() async throws {
        let size = 300_000
        let whole = content(size)
        let peer = FakePeer { request in
            guard request.type == Request.read else { return Self.sized(request, UInt64(size)) }
            var body = request.body
            guard body.readString32() != nil, let offset = body.readInteger(as: UInt64.self),
                let length = body.readInteger(as: UInt32.self), offset < UInt64(size)
            else { return nil }
            return Wire.data(request.number, Array(whole[Int(offset)...].prefix(max(1, Int(length) / 2))))
        }
        let sftp = try await client(peer)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<80 {
                group.addTask {
                    let (got, read) = try await sftp.get("file", expecting: index % 2 == 0 ? UInt64(size) : nil)
                    #expect(got == whole && read.byteCount == UInt64(size))
                }
            }
            try await group.waitForAll()
        }
    }

    @Test(arguments: [nil, 200]) func `a file that goes on after the size that is told is not taken for whole`(
        _ listed: UInt64?
    ) async throws {
        let whole = content(200)
        let sftp = try await client(
            FakePeer { request in
                guard request.type == Request.read else { return Self.sized(request, 100) }
                var body = request.body
                guard body.readString32() != nil, let offset = body.readInteger(as: UInt64.self),
                    let length = body.readInteger(as: UInt32.self), offset < 200
                else { return nil }
                return Wire.data(request.number, Array(whole[Int(offset)...].prefix(Int(length))))
            })
        let read = try await sftp.get("file", expecting: listed).1
        #expect(read.byteCount != read.after.size)
    }

    // MARK: Replacing

    /// With and without the extensions by which a server is known to work in order.
    static let greetings: [[(String, String)]] = [
        [], [("posix-rename@openssh.com", "1"), ("fstatvfs@openssh.com", "2"), ("fsync@openssh.com", "1")],
    ]

    @Test(arguments: [0, 1]) func `a refused write gives back its handle and removes what was written`(_ which: Int)
        async throws
    {
        let peer = FakePeer(greeting: Wire.version(3, Self.greetings[which])) {
            $0.type == Request.write ? Wire.status($0.number, SFTPStatus.failure, "disk full") : nil
        }
        let sftp = try await client(peer)
        let error = await #expect(throws: SSHError.self) { try await sftp.put(content(500_000), to: "folder/file") }
        #expect(error?.what.contains("disk full") == true)
        let (left, asked) = try await peer.eventLoop.submit { (peer.openFiles, peer.asked) }.get()
        #expect(left == 0)
        #expect(asked.contains(Request.remove))
        #expect(!asked.contains(18) && !asked.contains(200) || which == 1)
    }

    @Test func `writes larger than the whole budget go through`() async throws {
        // With a rename that replaces, so that nothing is moved aside.
        let peer = FakePeer(greeting: Wire.version(3, Self.greetings[1])) {
            Self.sized($0, 4 << 20) ?? ($0.type == 7 ? Wire.attributes($0.number, size: 4 << 20) : nil)
        }
        let sftp = try await client(peer)
        let source = Chunks([UInt8](repeating: 1, count: 4 << 20))
        let stands = try await sftp.replace(
            RemotePath("file"), size: 4 << 20, modified: nil, source: { _ in await source.next(4 << 20) },
            beforeSwap: {})
        #expect(stands.size == 4 << 20)
    }

    @Test func `an answer that never comes fails with the stream`() async throws {
        let peer = FakePeer { $0.type == Request.open ? [] : nil }
        let sftp = try await client(peer)
        async let reading = code { _ = try await sftp.get("file") }
        try await eventually("the file is asked for") { try await peer.eventLoop.submit { !peer.asked.isEmpty }.get() }
        await sftp.close()
        #expect(await reading == .cancelled)
    }
}

extension SFTPClient {
    /// A million names take a debug build too long.
    fileprivate func expect(mostEntries count: Int) { mostEntries = count }
}
