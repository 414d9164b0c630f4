import NIOCore
import Testing

@testable import SSHClient

/// What goes over the wire (draft-ietf-secsh-filexfer-02), both ways.
@Suite struct CodecTests {
    // MARK: Requests

    static let requests: [(request: SFTPRequest, type: UInt8, body: [UInt8])] = [
        (.openRead(Array("a".utf8)), 3, Wire.string("a") + [0, 0, 0, 1] + [0, 0, 0, 0]),
        (.openNew(Array("a".utf8)), 3, Wire.string("a") + [0, 0, 0, 0x2a] + [0, 0, 0, 0]),
        (.close(handle: [9]), 4, Wire.string([9])),
        (
            .read(handle: [9], offset: 1 << 40, length: 32_768), 5,
            Wire.string([9]) + [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 128, 0]
        ),
        (
            .write(handle: [9], offset: 2, data: [7, 8]), 6,
            Wire.string([9]) + [0, 0, 0, 0, 0, 0, 0, 2] + Wire.string([7, 8])
        ),
        (.lstat([0xff]), 7, Wire.string([0xff])),
        (.fstat(handle: []), 8, [0, 0, 0, 0]),
        (.setTimes(handle: [9], modified: 5), 10, Wire.string([9]) + [0, 0, 0, 8, 0, 0, 0, 5, 0, 0, 0, 5]),
        (.setPermissions(of: .handle([9]), 0o644), 10, Wire.string([9]) + [0, 0, 0, 4, 0, 0, 1, 0xa4]),
        (
            .setOwnership(of: .handle([9]), Ownership(user: 1, group: 2)), 10,
            Wire.string([9]) + [0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]
        ),
        (.setPermissions(of: .path([97]), 0o644), 9, Wire.string([97]) + [0, 0, 0, 4, 0, 0, 1, 0xa4]),
        (.openDirectory(Array("/".utf8)), 11, Wire.string("/")),
        (.readDirectory(handle: [9]), 12, Wire.string([9])),
        (.remove(Array("a".utf8)), 13, Wire.string("a")),
        (.makeDirectory(Array("a".utf8)), 14, Wire.string("a") + [0, 0, 0, 0]),
        (.removeDirectory(Array("a".utf8)), 15, Wire.string("a")),
        (.realPath(Array(".".utf8)), 16, Wire.string(".")),
        (.stat(Array("a".utf8)), 17, Wire.string("a")),
        (.rename(from: [1], to: [2]), 18, Wire.string([1]) + Wire.string([2])),
        (
            .posixRename(from: [1], to: [2]), 200,
            Wire.string("posix-rename@openssh.com") + Wire.string([1]) + Wire.string([2])
        ),
        (.fsync(handle: [9]), 200, Wire.string("fsync@openssh.com") + Wire.string([9])),
        (.statvfs(Array("a".utf8)), 200, Wire.string("statvfs@openssh.com") + Wire.string("a")),
        (.limits, 200, Wire.string("limits@openssh.com")),
    ]

    @Test(arguments: requests) func `a request is these bytes`(
        _ row: (request: SFTPRequest, type: UInt8, body: [UInt8])
    ) {
        var buffer = ByteBuffer()
        row.request.encode(number: 0x0102_0304, into: &buffer)
        #expect(Array(buffer.readableBytesView) == Wire.packet(row.type, [1, 2, 3, 4] + row.body))
    }

    @Test func `the first packet asks for version 3`() {
        #expect(SFTPRequest.initialize == Wire.packet(1, [0, 0, 0, 3]))
    }

    @Test func `requests one after the other are cut apart again`() throws {
        var splitter = PacketSplitter(limit: 1 << 10)
        var buffer = ByteBuffer()
        for (number, row) in Self.requests.enumerated() { row.request.encode(number: UInt32(number), into: &buffer) }
        splitter.append(buffer)
        for (number, row) in Self.requests.enumerated() {
            let packet = try #require(try splitter.next())
            #expect(Array(packet.readableBytesView) == [row.type] + Wire.integer(UInt32(number)) + row.body)
        }
        #expect(try splitter.next() == nil)
    }

    // MARK: Answers

    private func reply(_ packet: [UInt8]) throws -> SFTPReply { try SFTPReply(ByteBuffer(bytes: packet.dropFirst(4))) }

    @Test func `every kind of answer is read`() throws {
        #expect(try reply(Wire.status(1, 3, "no")).response == .status(SFTPStatus(code: 3, message: "no")))
        #expect(try reply(Wire.handle(2, "h")).response == .handle(Array("h".utf8)))
        #expect(try reply(Wire.handle(.max, "h")).number == .max)
        #expect(try reply(Wire.data(3, [1, 2])).response == .data(ByteBuffer(bytes: [1, 2])))
        let attributes = RemoteAttributes(
            kind: .file, size: 7, modified: 1_700_000_000, permissions: 0o644,
            ownership: Ownership(user: 1_000, group: 1_000))
        #expect(try reply(Wire.attributes(4, size: 7)).response == .attributes(attributes))
        #expect(
            try reply(Wire.names(5, ["a", "b"])).response
                == .names([
                    RemoteEntry(name: [0x61], attributes: attributes),
                    RemoteEntry(name: [0x62], attributes: attributes),
                ]))
        #expect(try reply(Wire.packet(201, [0, 0, 0, 6, 1, 2])).response == .extended(ByteBuffer(bytes: [1, 2])))
    }

    @Test func `a status without a message is a status`() throws {
        #expect(
            try reply(Wire.packet(101, [0, 0, 0, 1, 0, 0, 0, 4])).response == .status(SFTPStatus(code: 4, message: "")))
    }

    @Test func `a server's words can't harm a terminal`() throws {
        guard case .status(let status) = try reply(Wire.status(1, 4, "\u{1b}[2J")).response else {
            throw SFTPMalformed(reason: "")
        }
        #expect(status.message == "\\x1b[2J")
    }

    @Test(arguments: [
        (0o040755, "", RemoteAttributes.Kind.directory), (0o120777, "", .symlink), (0o010644, "", .other),
        (0o644, "drwxr-xr-x", .directory), (0o644, "lrwxrwxrwx", .symlink), (0o644, "-rw-r--r--", .file),
        (0o644, "", .other),
    ]) func `the kind comes from the mode, and from the long name where the mode has none`(
        _ mode: Int, _ longName: String, _ kind: RemoteAttributes.Kind
    ) throws {
        let body: [UInt8] =
            [0, 0, 0, 1, 0, 0, 0, 1] + Wire.string("a") + Wire.string(longName) + [0, 0, 0, 4]
            + Wire.integer(UInt32(mode))
        guard case .names(let names) = try reply(Wire.packet(104, body)).response else {
            throw SFTPMalformed(reason: "")
        }
        #expect(names.map(\.attributes.kind) == [kind])
    }

    @Test func `an answer that ends too early is malformed, wherever it ends`() throws {
        let whole: [(packet: [UInt8], optionalFrom: Int)] = [
            (Wire.status(1, 4), 9), (Wire.handle(1, "handle"), .max), (Wire.data(1, [1, 2, 3]), .max),
            (Wire.attributes(1, size: 9), .max), (Wire.names(1, ["one", "two"]), .max),
        ]
        for (packet, optionalFrom) in whole {
            for count in 0..<(packet.count - 4) where count < optionalFrom {
                #expect(throws: SFTPMalformed.self, "type \(packet[4]) cut to \(count)") {
                    try SFTPReply(ByteBuffer(bytes: packet[4..<4 + count]))
                }
            }
        }
    }

    @Test(arguments: [UInt32(5), 1 << 16, 1 << 31, .max - 3, .max]) func `a length or count that lies is malformed`(
        _ lie: UInt32
    ) {
        let lies: [[UInt8]] = [
            Wire.packet(102, [0, 0, 0, 1] + Wire.integer(lie) + [1]),
            Wire.packet(103, [0, 0, 0, 1] + Wire.integer(lie) + [1]),
            Wire.packet(104, [0, 0, 0, 1] + Wire.integer(lie) + [UInt8](repeating: 0, count: 24)),
            Wire.packet(104, [0, 0, 0, 1, 0, 0, 0, 1] + Wire.integer(lie) + [UInt8](repeating: 0, count: 4)),
            Wire.packet(105, [0, 0, 0, 1, 0x80, 0, 0, 0] + Wire.integer(lie) + [UInt8](repeating: 0, count: 8)),
            Wire.packet(105, [0, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0, 1] + Wire.integer(lie) + [0, 0, 0, 0]),
        ]
        for packet in lies {
            #expect(throws: SFTPMalformed.self, "type \(packet[4])") { try reply(packet) }
        }
    }

    @Test func `a handle longer than 256 bytes and a packet of another type are malformed`() throws {
        #expect(try reply(Wire.handle(1, String(repeating: "h", count: 256))).number == 1)
        #expect(throws: SFTPMalformed.self) { try reply(Wire.handle(1, String(repeating: "h", count: 257))) }
        for type in UInt8.min ... .max where ![101, 102, 103, 104, 105, 201].contains(type) {
            #expect(throws: SFTPMalformed.self) { try reply(Wire.packet(type, [0, 0, 0, 1, 0, 0, 0, 0])) }
        }
    }

    // MARK: The first answer

    @Test func `the first answer names the version and the extensions`() throws {
        let packet = Wire.version(3, [("posix-rename@openssh.com", "1"), ("x\n", "")])
        let version = try SFTPVersion(ByteBuffer(bytes: packet.dropFirst(4)))
        #expect(version.version == 3)
        #expect(version.extensions.map(\.name) == ["posix-rename@openssh.com", "x\\x0a"])
        #expect(Capabilities(extensions: version.extensions).extensions == ["posix-rename@openssh.com 1", "x\\x0a"])
    }

    @Test func `the first answer stops at 256 extensions, and a cut one is malformed`() throws {
        let many = Wire.version(3, (0..<300).map { ("extension\($0)", "1") })
        #expect(try SFTPVersion(ByteBuffer(bytes: many.dropFirst(4))).extensions.count == 256)
        let one = Wire.version(3, [("name", "1")])
        for count in 0..<(one.count - 4) where count != 5 {
            #expect(throws: SFTPMalformed.self) { try SFTPVersion(ByteBuffer(bytes: one[4..<4 + count])) }
        }
        #expect(throws: SFTPMalformed.self) { try SFTPVersion(ByteBuffer(bytes: Wire.status(0, 3).dropFirst(4))) }
    }

    // MARK: Cutting

    @Test func `packets that arrive byte by byte come out whole`() throws {
        var splitter = PacketSplitter(limit: 64)
        var packets: [[UInt8]] = []
        for byte in Wire.handle(1, "one") + Wire.handle(2, "two") {
            splitter.append(ByteBuffer(bytes: [byte]))
            while let packet = try splitter.next() { packets.append(Array(packet.readableBytesView)) }
        }
        #expect(packets.map { Wire.integer(UInt32($0.count)) + $0 } == [Wire.handle(1, "one"), Wire.handle(2, "two")])
    }

    @Test(arguments: [UInt32(0), 65, 1 << 31, .max]) func `a packet of no bytes or too many is refused at once`(
        _ length: UInt32
    ) {
        var splitter = PacketSplitter(limit: 64)
        splitter.append(ByteBuffer(bytes: Wire.integer(length)))
        #expect(throws: SFTPMalformed.self) { try splitter.next() }
    }
}
