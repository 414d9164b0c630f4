import Planner
import SSHClient

import struct Crypto.SHA256

/// The last look before something on the device is replaced or removed: is it still what the plan was made for?
struct RemoteGuard: Sendable {
    let sftp: SFTPClient
    let root: RemotePath

    /// Throws unless every file of `content` still has exactly its bytes. They are read again, because a stamp can
    /// stay the same while the content does not.
    func confirm(_ content: DeviceContent) async throws {
        for entry in content.entries {
            let hasher = ChunkHasher()
            let read = try await sftp.read(root.appending(entry.path), expecting: entry.stamp.size) { chunks in
                await hasher.update(chunks)
            }
            guard await hasher.finish() == entry.sha256, read.before.stamp == read.after.stamp else {
                throw changed(entry.path)
            }
        }
    }

    /// Throws unless nothing stands at `path`.
    func confirmAbsent(_ path: RelativePath) async throws {
        do throws(SSHError) {
            _ = try await sftp.attributes(of: root.appending(path), followLinks: false)
        } catch  where error.code == .noSuchFile {
            return
        }
        throw changed(path)
    }

    private func changed(_ path: RelativePath) -> DeviceFailure {
        DeviceFailure(
            code: .other, message: "\(root.appending(path)) changed on the device after the plan was made",
            advice: "It was left alone; the next run plans it anew.")
    }
}

/// Hashes a file as its chunks arrive.
private actor ChunkHasher {
    private var hasher = SHA256()

    func update(_ chunks: [[UInt8]]) {
        for chunk in chunks { hasher.update(data: chunk) }
    }

    func finish() -> Digest? {
        Digest(bytes: hasher.finalize())
    }
}
