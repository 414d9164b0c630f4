import Crypto
import Planner
import SSHClient
import Synchronization

/// The last look before something on the device is replaced or removed: is it still what the plan was made for?
struct RemoteGuard: Sendable {
    let sftp: SFTPClient
    let root: RemotePath

    /// Throws unless every file of `content` still has exactly its bytes. They are read again, because a stamp can
    /// stay the same while the content does not.
    func confirm(_ content: DeviceContent) async throws {
        for entry in content.entries {
            let hasher = Mutex(SHA256())
            let read = try await sftp.read(root.appending(entry.path)) { chunk in
                hasher.withLock { $0.update(data: chunk) }
            }
            let sha256 = Digest(bytes: hasher.withLock { $0.finalize() })
            guard sha256 == entry.sha256, read.before.stamp == read.after.stamp else {
                throw changed(entry.path)
            }
        }
    }

    /// Throws unless nothing stands at `path`.
    func confirmAbsent(_ path: RelativePath) async throws {
        do {
            _ = try await sftp.attributes(of: root.appending(path), followLinks: false)
        } catch let error as SSHError where error.code == .noSuchFile {
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
