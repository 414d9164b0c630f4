import Foundation
import TestSupport

@testable import SSHClient

/// Bytes that a transfer takes from, or gives to, piece by piece.
actor Chunks {
    private(set) var bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    func next(_ most: Int) -> [UInt8]? {
        defer { position += min(most, bytes.count - position) }
        return Array(bytes[position...].prefix(most))
    }

    func append(_ more: [[UInt8]]) { for chunk in more { bytes += chunk } }
}

/// Bytes that differ from place to place, so that a swapped or missing piece shows.
func content(_ count: Int, seed: Int = 0) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
        // Not a map: the debug build takes seconds for 8 MiB of closures.
        var index = 0
        while index < count {
            bytes[index] = UInt8(truncatingIfNeeded: (index &* 7) ^ (index >> 8) &+ seed)
            index += 1
        }
        initialized = count
    }
}

extension SFTPClient {
    /// Replaces a file with `bytes`.
    @discardableResult
    func put(
        _ bytes: [UInt8], to path: String, modified: Int64? = nil, overwriting: Bool = true,
        beforeSwap: @Sendable () async throws -> Void = {}
    ) async throws -> RemoteAttributes {
        let source = Chunks(bytes)
        return try await replace(
            RemotePath(path), size: UInt64(bytes.count), modified: modified, overwriting: overwriting,
            source: { await source.next($0) }, beforeSwap: beforeSwap)
    }

    /// Reads a whole file.
    func get(_ path: String, expecting: UInt64? = nil) async throws -> (bytes: [UInt8], read: FileRead) {
        let sink = Chunks()
        let read = try await read(RemotePath(path), expecting: expecting) { await sink.append($0) }
        return (await sink.bytes, read)
    }

    /// The names in a directory, sorted.
    func names(in path: String) async throws -> [String] {
        try await list(RemotePath(path)).map { String(decoding: $0.name, as: UTF8.self) }.sorted()
    }
}

/// The code with which `body` fails, or nil when it does not.
func code(of body: () async throws -> Void) async -> SSHError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? SSHError)?.code
    }
}
