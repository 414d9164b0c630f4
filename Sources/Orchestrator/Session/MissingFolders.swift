import Planner
import SSHClient

extension SFTPClient {
    /// Makes `folders`, each after the one that holds it, in the save directory `root`.
    ///
    /// The save directory itself is never made: where it is missing its card may not be mounted, and what is written to the
    /// mount point's place would be hidden once it is. A new folder is like the one that holds it.
    func makeFolders(_ folders: [RelativePath], below root: RemotePath) async throws {
        for folder in folders { try await makeFolder(root.appending(folder)) }
    }

    private func makeFolder(_ path: RemotePath) async throws(SSHError) {
        do throws(SSHError) {
            try await makeDirectory(path)
        } catch {
            // Another save of the same folder may have been faster.
            if error.endsConnection { throw error }
            guard await isFolder(path) else { throw error }
            return
        }
        try await copyAccess(of: path.parent, to: path)
    }

    private func isFolder(_ path: RemotePath) async -> Bool {
        (try? await attributes(of: path, followLinks: false))?.kind == .directory
    }
}
