import Foundation
import NIOCore
import TestSupport

@testable import SSHClient

/// A server that a seed decides: an honest one at heart, with any habit that a server may have, and with lies.
///
/// Its files' contents tell what file they are of. Sendable because everything in it happens on its event loop.
final class ScriptedServer: ByteStream, @unchecked Sendable {
    typealias Request = FakePeer.Request

    /// How it names what it opens.
    enum Handles: CaseIterable { case unique, lowestFree, growing, always }
    /// In which order it carries out requests and answers them.
    enum Order: CaseIterable { case asAsked, random, answersAtRandom }

    final class File {
        var bytes: [UInt8]
        var modified: UInt32 = 1_700_000_000
        /// Whether it is listed as a file, and a directory when it is looked at.
        let isOdd: Bool

        init(_ bytes: [UInt8], isOdd: Bool = false) {
            self.bytes = bytes
            self.isOdd = isOdd
        }
    }

    private enum Opened {
        case file(File)
        case directory([[String]])
    }

    let eventLoop: any EventLoop
    private var numbers: SplitMix64
    private let handleHabit: Handles
    private let order: Order
    private let greeting: [(String, String)]
    private let givesLess: Bool
    private let changesFiles: Bool
    /// One answer in so many is a lie; nil for none.
    private let lies: Int?
    /// Its habits in words.
    var habits: String {
        "handles \(handleHabit), order \(order), greets with \(greeting.map(\.0)), gives less: \(givesLess), "
            + "changes files: \(changesFiles), lies: \(lies ?? 0), cut after \(cutsAfter ?? 0)"
    }
    /// Whether it never lies.
    var isHonest: Bool { lies == nil }
    /// Whether it cuts the connection at some time.
    private let cutsAfter: Int?

    private(set) var files: [String: File] = [:]
    private(set) var directories: [String] = []
    private var opened: [(handle: String, what: Opened)] = []
    private var lastHandle = 0
    private var queue: [Request] = []
    private var answers: [[UInt8]] = []
    private var isWorking = false
    private var splitter = PacketSplitter(limit: 8 << 20)
    private var onBytes: ((ByteBuffer) -> Void)?
    private var onEnd: ((SSHError) -> Void)?
    private var hasGreeted = false
    /// Requests carried out.
    private(set) var steps = 0
    /// More than any of these sessions needs.
    static let mostSteps = 4_000

    init(seed: UInt64, on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        var numbers = SplitMix64(seed: seed)
        func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &numbers) == 0 }
        handleHabit = chance(2) ? .unique : Handles.allCases.randomElement(using: &numbers) ?? .unique
        order = chance(2) ? .asAsked : Order.allCases.randomElement(using: &numbers) ?? .asAsked
        greeting = Self.greetings.randomElement(using: &numbers) ?? []
        givesLess = chance(4)
        changesFiles = chance(4)
        lies = chance(2) ? [10, 30, 100].randomElement(using: &numbers) : nil
        cutsAfter = chance(20) ? Int.random(in: 0..<80, using: &numbers) : nil
        for directory in 0..<Int.random(in: 1...3, using: &numbers) {
            let path = "/d\(directory)"
            directories.append(path)
            for file in 0..<Int.random(in: 0...6, using: &numbers) {
                let size = [0, 1, 40, 200, chance(4) ? 40_000 : 300].randomElement(using: &numbers) ?? 0
                let name = "\(path)/f\(file)"
                files[name] = File(Array(Self.content(of: name, 0).prefix(size)), isOdd: chance(40))
            }
        }
        for file in 0..<3 where chance(2) {
            files["/d0/p\(file)"] = File(Array(Self.content(of: "/d0/p\(file)", 0).prefix(100)))
        }
        self.numbers = numbers
    }

    /// As different servers announce themselves. The second is OpenSSH, whatever this one then does.
    private static let greetings: [[(String, String)]] = [
        [],
        [("posix-rename@openssh.com", "1"), ("fstatvfs@openssh.com", "2"), ("fsync@openssh.com", "1")],
        [("fsync@openssh.com", "1"), ("posix-rename@openssh.com", "1"), ("vendor-id", "x")],
    ]

    /// What a file may hold: it says in every byte of which file it is, and which of its two contents.
    static func content(of path: String, _ version: Int) -> [UInt8] {
        let digits = path.utf8.compactMap { $0 >= 48 && $0 < 58 ? Int($0) - 48 : nil }
        let kind = path.contains("p") ? 8 : 0
        return contents[(digits[0] * 16 + kind + digits[1]) * 2 + version]
    }

    /// Whether `bytes` are one of its contents, or the beginning of one.
    static func isContent(_ bytes: [UInt8], of path: String) -> Bool {
        (0...1).contains { version in
            let start = Array(content(of: path, version).prefix(bytes.count))
            // Element by element takes a debug build too long.
            return start.count == bytes.count && memcmp(start, bytes, bytes.count) == 0
        }
    }

    private static let contents = (0..<96).map { SSHClientTests.content(40_000, seed: $0) }

    // MARK: ByteStream

    func write(_ append: (inout ByteBuffer) -> Void) {
        var bytes = ByteBuffer()
        append(&bytes)
        splitter.append(bytes)
        while var packet = try? splitter.next() {
            guard let type = packet.readInteger(as: UInt8.self), let number = packet.readInteger(as: UInt32.self) else {
                continue
            }
            queue.append(Request(type: type, number: number, body: packet))
        }
        work()
    }

    func listen(onBytes: @escaping (ByteBuffer) -> Void, onEnd: @escaping (SSHError) -> Void) {
        (self.onBytes, self.onEnd) = (onBytes, onEnd)
    }

    func setAwaitingAnswer(_ isAwaiting: Bool) {}

    func fail(_ error: SSHError) {
        let listener = onEnd
        (onBytes, onEnd) = (nil, nil)
        queue = []
        answers = []
        listener?(error)
    }

    func close() { fail(SSHError(.cancelled, "the peer was closed")) }

    // MARK: Its habits

    private func work() {
        guard !isWorking else { return }
        isWorking = true
        // In later turns, as from a network, and so that requests gather.
        eventLoop.execute { [self] in eventLoop.execute { [self] in step() } }
    }

    private func step() {
        if !queue.isEmpty {
            steps += 1
            if steps == cutsAfter || steps > Self.mostSteps {
                return fail(SSHError(.disconnected, "the server was told to end"))
            }
            let request = queue.remove(
                at: hasGreeted && order == .random ? Int.random(in: 0..<queue.count, using: &numbers) : 0)
            answers.append(answer(request))
        }
        // Those that answer at random keep some back for as long as there is work.
        if order != .answersAtRandom || queue.isEmpty || chance(2), !answers.isEmpty {
            let which = order == .answersAtRandom ? Int.random(in: 0..<answers.count, using: &numbers) : 0
            onBytes?(ByteBuffer(bytes: answers.remove(at: which)))
        }
        isWorking = false
        if !queue.isEmpty || !answers.isEmpty { work() }
    }

    private func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &numbers) == 0 }

    private func answer(_ request: Request) -> [UInt8] {
        guard hasGreeted else {
            hasGreeted = true
            return Wire.version(3, greeting)
        }
        if changesFiles, chance(12) { change() }
        let honest = carryOut(request)
        guard let lies, chance(lies) else { return honest }
        return lie(request.number, honest)
    }

    /// A game writes: another content, shorter or longer, and always another time.
    private func change() {
        guard
            let (path, file) = files.filter({ $0.key.contains("/f") }).sorted(by: { $0.key < $1.key })
                .randomElement(using: &numbers)
        else { return }
        let size = Int.random(in: 0...file.bytes.count + 50, using: &numbers)
        file.bytes = Array(Self.content(of: path, Int.random(in: 0...1, using: &numbers)).prefix(size))
        file.modified += 1
    }

    private func lie(_ number: UInt32, _ honest: [UInt8]) -> [UInt8] {
        switch Int.random(in: 0..<16, using: &numbers) {
        case 0: Wire.status(number &+ 1_000, 0)
        case 1: honest + honest
        case 2: [0xff, 0xff, 0xff, 0xff]
        case 3: Wire.packet(99, Wire.integer(number))
        case 4: Wire.handle(number, String(repeating: "h", count: 257))
        case 5: Wire.status(number, SFTPStatus.ok)
        case 6: Wire.names(number, [])
        case 7: Wire.names(number, ["f0", "f0"])
        case 8: Wire.data(number, [])
        case 9: Wire.data(number, SSHClientTests.content(33_000))
        case 10: Wire.packet(105, Wire.integer(number) + Wire.integer(UInt32(0)))
        case 11: Wire.packet(105, Wire.integer(number) + Wire.integer(UInt32(0x01)))
        case 12: Wire.status(number, SFTPStatus.endOfFile)
        case 13: Wire.handle(number, "\(lastHandle + 1_000)")
        default: Wire.status(number, SFTPStatus.failure)
        }
    }

    // MARK: The honest part

    private func carryOut(_ request: Request) -> [UInt8] {
        let number = request.number
        var body = request.body
        let name = String(decoding: body.readString32() ?? [], as: UTF8.self)
        switch request.type {
        case Request.open:
            let isNew = (body.readInteger(as: UInt32.self) ?? 0) & 0x08 != 0
            if isNew, files[name] == nil { files[name] = File([]) } else if isNew { return refused(number) }
            return files[name].map { open(.file($0), number) } ?? Wire.status(number, SFTPStatus.noSuchFile)
        case Request.openDirectory:
            guard directories.contains(name) else { return Wire.status(number, SFTPStatus.noSuchFile) }
            // Temporary names differ from run to run.
            let names = files.keys.filter { $0.hasPrefix(name + "/") && !$0.contains(".saveferry") }.sorted()
            return open(
                .directory(stride(from: 0, to: names.count, by: 3).map { Array(names[$0...].prefix(3)) }), number)
        case Request.close:
            guard let index = opened.lastIndex(where: { $0.handle == name }) else { return refused(number) }
            opened.remove(at: index)
            return Wire.status(number, SFTPStatus.ok)
        case Request.read, Request.write, Request.fstat, 10, Request.readDirectory:
            guard let index = opened.lastIndex(where: { $0.handle == name }) else { return refused(number) }
            return use(index, request.type, &body, number)
        case 7, 17:
            if directories.contains(name) { return attributes(nil, number) }
            return files[name].map { attributes($0, number) } ?? Wire.status(number, SFTPStatus.noSuchFile)
        case Request.remove:
            return Wire.status(number, files.removeValue(forKey: name) == nil ? SFTPStatus.noSuchFile : SFTPStatus.ok)
        case 18: return rename(name, &body, replacing: false, number)
        case 200 where name == "posix-rename@openssh.com":
            let from = String(decoding: body.readString32() ?? [], as: UTF8.self)
            return rename(from, &body, replacing: true, number)
        case 200 where name == "fsync@openssh.com": return Wire.status(number, SFTPStatus.ok)
        case 200: return Wire.status(number, SFTPStatus.unsupported)
        default: return refused(number)
        }
    }

    private func use(_ index: Int, _ type: UInt8, _ body: inout ByteBuffer, _ number: UInt32) -> [UInt8] {
        switch (opened[index].what, type) {
        case (.directory(let batches), Request.readDirectory):
            guard let first = batches.first else { return Wire.status(number, SFTPStatus.endOfFile) }
            opened[index].what = .directory(Array(batches.dropFirst()))
            return names(first, number)
        case (.file(let file), Request.read):
            let offset = Int(body.readInteger(as: UInt64.self) ?? 0)
            let length = Int(body.readInteger(as: UInt32.self) ?? 0)
            guard offset < file.bytes.count else { return Wire.status(number, SFTPStatus.endOfFile) }
            let most = min(length, file.bytes.count - offset)
            let count = givesLess ? Int.random(in: (most + 3) / 4...most, using: &numbers) : most
            return Wire.data(number, Array(file.bytes[offset..<offset + count]))
        case (.file(let file), Request.write):
            let offset = Int(body.readInteger(as: UInt64.self) ?? 0)
            let bytes = body.readString32() ?? []
            if offset > file.bytes.count { file.bytes += [UInt8](repeating: 0, count: offset - file.bytes.count) }
            file.bytes.replaceSubrange(offset..<min(file.bytes.count, offset + bytes.count), with: bytes)
            return Wire.status(number, SFTPStatus.ok)
        case (.file(let file), Request.fstat): return attributes(file, number)
        case (.directory, Request.fstat): return attributes(nil, number)
        case (.file, 10): return Wire.status(number, SFTPStatus.ok)
        default: return refused(number)
        }
    }

    private func open(_ what: Opened, _ number: UInt32) -> [UInt8] {
        let handle: String
        switch handleHabit {
        case .unique: handle = "\(lastHandle + 1)"
        case .lowestFree:
            handle = (0...).lazy.map(String.init).first { name in !opened.contains { $0.handle == name } } ?? ""
        case .growing:
            // Erlang's ssh_sftpd: one more than the smallest that it comes to first, from the newest on.
            var next = 0
            for handle in opened.reversed() where Int(handle.handle) ?? 0 <= next { next += 1 }
            handle = "\(next)"
        case .always: handle = "h"
        }
        lastHandle += 1
        opened.append((handle, what))
        return Wire.handle(number, handle)
    }

    private func rename(_ from: String, _ body: inout ByteBuffer, replacing: Bool, _ number: UInt32) -> [UInt8] {
        let to = String(decoding: body.readString32() ?? [], as: UTF8.self)
        guard let file = files[from], replacing || files[to] == nil else { return refused(number) }
        files[from] = nil
        files[to] = file
        return Wire.status(number, SFTPStatus.ok)
    }

    private func refused(_ number: UInt32) -> [UInt8] { Wire.status(number, SFTPStatus.failure) }

    private func names(_ paths: [String], _ number: UInt32) -> [UInt8] {
        let entries = paths.flatMap { path in
            Wire.string(String(path.split(separator: "/").last ?? "")) + Wire.string("")
                + attributes(size: files[path]?.bytes.count ?? 0, 0o100644, files[path]?.modified ?? 0)
        }
        return Wire.packet(104, Wire.integer(number) + Wire.integer(UInt32(paths.count)) + entries)
    }

    private func attributes(_ file: File?, _ number: UInt32) -> [UInt8] {
        let mode: UInt32 = file == nil || file?.isOdd == true ? 0o040755 : 0o100644
        return Wire.packet(
            105, Wire.integer(number) + attributes(size: file?.bytes.count ?? 0, mode, file?.modified ?? 0))
    }

    private func attributes(size: Int, _ mode: UInt32, _ modified: UInt32) -> [UInt8] {
        Wire.integer(UInt32(0x0d)) + Wire.integer(UInt64(size)) + Wire.integer(mode) + Wire.integer(modified)
            + Wire.integer(modified)
    }
}
