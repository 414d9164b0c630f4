import Planner
import Testing

@testable import Store

/// The canonical content hash: equal for contents that mean the same.
@Suite struct ContentHashTests {
    static let one = Array("one".utf8)
    static let two = Array("two".utf8)

    /// What a file is when it arrives in pieces of `piece` bytes.
    func receive(_ bytes: [UInt8], piece: Int = 32_768, keep: Bool = false) async throws -> StagedContent {
        let staging = Staging.discarding()
        let file = staging.file(keep: keep)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try await file.append(Array(bytes[start..<min(start + piece, bytes.count)]))
        }
        let content = try await file.finish()
        await staging.discard()
        return content
    }

    func plain(_ bytes: [UInt8]) async throws -> Digest { try await receive(bytes).sha256 }

    func folder(_ files: [(String, [UInt8])]) async throws -> Digest {
        var hashed: [(name: String, sha256: Digest)] = []
        for (name, bytes) in files { hashed.append((name, try await plain(bytes))) }
        return ContentHash.ofFolder(hashed)
    }

    @Test func `a plain file is its SHA-256`() async throws {
        let content = try await receive(Array("abc".utf8))
        #expect(content.sha256.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(content.contentDigest == content.sha256)
        #expect(content.size == 3)
    }

    @Test func `a folder is the hash of its sorted lines`() async throws {
        // "B" sorts before "a" by bytes, whatever a dictionary says.
        let lines = try await "B:\(plain(Self.two).hex)\na/x:\(plain(Self.one).hex)"
        let expected = try await plain(Array(lines.utf8))
        #expect(try await folder([("a/x", Self.one), ("B", Self.two)]) == expected)
        #expect(try await folder([("B", Self.two), ("a/x", Self.one)]) == expected)
        #expect(try await folder([("a/y", Self.one), ("B", Self.two)]) != expected)
        #expect(try await folder([("a/x", Self.two), ("B", Self.one)]) != expected)
    }

    @Test(arguments: Zip.Compression.allCases, [315_532_800, 1_700_000_000])
    func `a zip is the folder in it, however it was packed`(compression: Zip.Compression, time: Int) async throws {
        let files: [(name: String, bytes: [UInt8])] = [("a/x", Self.one), ("B", Self.two), ("Poke\u{301}mon", [])]
        let expected = try await folder(files)
        for order in [files, files.reversed(), [("a/", [])] + files] {
            let content = try await receive(Zip.of(order, compression, time: time))
            #expect(content.contentDigest == expected)
            #expect(content.sha256 != expected)
        }
        let renamed = try await receive(Zip.of([("a/z", Self.one), ("B", Self.two), ("Poke\u{301}mon", [])]))
        #expect(renamed.contentDigest != expected)
    }

    /// A zip that does not fit into memory is read from the disk, and one that is kept is not read otherwise.
    @Test(arguments: [100, 200_000], [true, false])
    func `a zip of any size is the folder in it`(size: Int, keep: Bool) async throws {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: ($0 &* $0) >> 3) }
        let content = try await receive(Zip.of([("state", bytes)], .stored), keep: keep)
        #expect(try await content.contentDigest == folder([("state", bytes)]))
    }

    @Test(arguments: [1, 2, 3, 5, 64])
    func `the hash does not depend on how the bytes arrive`(piece: Int) async throws {
        let zip = try Zip.of([("B", Self.two), ("a/x", Self.one)])
        let whole = try await receive(zip)
        for keep in [true, false] {
            let pieces = try await receive(zip, piece: piece, keep: keep)
            #expect(pieces.contentDigest == whole.contentDigest && pieces.sha256 == whole.sha256)
            #expect(pieces.size == UInt64(zip.count))
        }
    }

    @Test func `a zip that can't be read whole is a plain file`() async throws {
        let good = try Zip.of([("x", [UInt8](repeating: 7, count: 5_000))], .stored)
        var flipped = good
        flipped[2_000] ^= 1
        let truncated = Array(good.dropLast(30))
        let headerOnly = Array(good.prefix(10))
        let encrypted = try Zip.of([("x", Self.one)], password: "secret")
        for bytes in [flipped, truncated, headerOnly, encrypted] {
            let content = try await receive(bytes)
            #expect(content.contentDigest == content.sha256)
        }
    }

    @Test func `an empty zip is an empty folder`() async throws {
        #expect(try await receive(Zip.empty).contentDigest == ContentHash.ofFolder([]))
    }

    static let blanks: [(String, [UInt8], Bool)] = [
        ("empty", [], true), ("zeros", [UInt8](repeating: 0, count: 32_768 * 3), true),
        ("erased flash", [UInt8](repeating: 0xff, count: 512), true), ("one byte", [1], true),
        ("one other byte at the end", [UInt8](repeating: 0, count: 70_000) + [1], false), ("a save", [1, 2], false),
    ]

    @Test(arguments: blanks)
    func `blank is empty or one byte throughout`(name: String, bytes: [UInt8], isBlank: Bool) async throws {
        #expect(try await receive(bytes).isBlank == isBlank, "\(name)")
        #expect(try await receive(bytes, piece: 7).isBlank == isBlank, "\(name)")
    }
}
