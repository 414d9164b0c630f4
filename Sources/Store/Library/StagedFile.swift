import CLinux
import Glibc
import Planner

import struct Crypto.SHA256

/// A file that is being received. Small ones stay in memory until it is known whether they are needed.
public actor StagedFile {
    private nonisolated let disk: DiskExecutor
    /// Runs where the staging does.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }
    private let path: String
    private let staging: Staging
    private let keep: Bool
    private var memory: [UInt8] = []
    private var descriptor: Int32 = -1
    private var isSpooled = false
    private var hasher = SHA256()
    private var size: UInt64 = 0
    private var firstByte: UInt8?
    private var isBlank = true
    private var isZip = false
    /// How many bytes ``beginning`` is the hash of, once there are more than that.
    private let beginningSize: UInt64?
    private var beginning: Digest?

    /// Bytes since the disk was last asked to begin writing: what is left for the end is waited for.
    private var written = 0

    private static let mostInMemory = 64 << 10
    private static let mostUnwritten = 8 << 20

    init(path: String, staging: Staging, keep: Bool, beginning: UInt64?, disk: DiskExecutor) {
        self.path = path
        self.staging = staging
        self.keep = keep
        beginningSize = beginning
        self.disk = disk
    }

    /// The next bytes, piece by piece.
    public func append(_ pieces: [[UInt8]]) async throws {
        for piece in pieces { try await append(piece) }
    }

    /// The next bytes.
    public func append(_ bytes: [UInt8]) async throws {
        learn(from: bytes)
        guard keep || isZip || size < 4 else { return }
        if !isSpooled, memory.count + bytes.count > StagedFile.mostInMemory { try await spool() }
        try put(bytes)
    }

    private func learn(from bytes: [UInt8]) {
        // A server may send the four bytes that tell a zip one by one; until then everything stays in memory.
        if size < 4 { isZip = ContentHash.looksLikeZip(memory + bytes.prefix(4)) }
        hashBeginning(with: bytes)
        hasher.update(data: bytes)
        size += UInt64(bytes.count)
        if firstByte == nil { firstByte = bytes.first }
        if isBlank, let firstByte { isBlank = bytes.allSatisfy { $0 == firstByte } }
    }

    /// Before `bytes` are added to the whole.
    private func hashBeginning(with bytes: [UInt8]) {
        guard let beginningSize, beginning == nil, size <= beginningSize, size + UInt64(bytes.count) > beginningSize
        else {
            return
        }
        var hasher = hasher
        hasher.update(data: bytes.prefix(Int(beginningSize - size)))
        beginning = ContentHash.digest(hasher.finalize())
    }

    private func put(_ bytes: [UInt8]) throws {
        if isSpooled {
            try FileCalls.write(bytes, to: descriptor, path)
            written += bytes.count
            if written >= StagedFile.mostUnwritten { beginWritingBack() }
        } else if memory.isEmpty {
            memory = bytes
        } else {
            memory += bytes
        }
    }

    private func beginWritingBack() {
        saveferry_begin_writing_back(descriptor)
        written = 0
    }

    private func spool() async throws {
        try await staging.make()
        descriptor = try FileCalls.create(path)
        isSpooled = true
        try FileCalls.write(memory, to: descriptor, path)
        memory = []
    }

    /// What was received. Nothing may be appended afterwards. A content that `isNeeded` says no to is forgotten at once,
    /// any other goes to the disk, where memory does not have to hold it.
    ///
    /// - Parameter isNeeded: gets the canonical content hash of this file alone.
    public func finish(keepingIf isNeeded: @Sendable (Digest) -> Bool = { _ in true }) async throws -> StagedContent {
        if isSpooled, keep { beginWritingBack() }
        closeFile()
        let sha256 = ContentHash.digest(hasher.finalize())
        let zip = !isZip ? nil : isSpooled ? ContentHash.ofZip(at: path) : ContentHash.ofZip(memory)
        let content = StagedContent(
            sha256: sha256, contentDigest: zip ?? sha256, size: size, isBlank: isBlank, beginning: beginning, file: self
        )
        if keep, isNeeded(content.contentDigest) { _ = try await persist() } else { discard() }
        return content
    }

    /// Writes what is still in memory to the file.
    func persist() async throws -> String {
        if !isSpooled {
            try await spool()
            beginWritingBack()
            closeFile()
        }
        return path
    }

    /// Forgets everything.
    public func discard() {
        closeFile()
        memory = []
        if isSpooled { FileCalls.remove(path) }
    }

    private func closeFile() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}

/// A file that was received whole.
public struct StagedContent: Sendable {
    /// Of the bytes.
    public let sha256: Digest
    /// The canonical content hash: of the inner files for a zip, else the same as `sha256`.
    public let contentDigest: Digest
    /// Bytes.
    public let size: UInt64
    /// Empty or one byte repeated.
    public let isBlank: Bool
    /// The SHA-256 of as many of its first bytes as were asked for; nil where it has no more than that.
    public let beginning: Digest?
    let file: StagedFile

    /// The bytes are not needed.
    public func discard() async { await file.discard() }
}
