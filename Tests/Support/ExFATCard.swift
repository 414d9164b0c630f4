import Foundation

/// A card with exFAT, as handhelds without a driver in the kernel mount it: by FUSE, so that statvfs(3) gives its size and no
/// number. Needs root, a loop device, and Debian's packages exfat-fuse and exfatprogs.
public final class ExFATCard: Sendable {
    private let folder: TemporaryFolder

    /// Why there can be none here, or nil.
    public static let absence: String? = {
        if getuid() != 0 { return "only root can mount a card" }
        let missing = ["/usr/sbin/mkfs.exfat", "/usr/sbin/mount.exfat-fuse", "/dev/fuse", "/dev/loop-control"]
            .filter { !FileManager.default.fileExists(atPath: $0) }
        return missing.isEmpty ? nil : "\(missing.joined(separator: ", ")) missing (apt: exfat-fuse exfatprogs)"
    }()

    /// An empty card of this size.
    public init(megabytes: Int) async throws {
        folder = try TemporaryFolder()
        try await run("truncate", "-s", "\(megabytes)M", image)
        try await run("/usr/sbin/mkfs.exfat", image)
    }

    private var image: String { folder("card.img") }

    /// Puts it into the slot at `path`, an existing folder, while `work` is done.
    public func inserted<Result: Sendable>(at path: String, _ work: () async throws -> Result) async throws -> Result {
        try await run("mount", "-t", "exfat-fuse", "-o", "loop", image, path)
        do {
            let result = try await work()
            try await remove(from: path)
            return result
        } catch {
            try? await remove(from: path)
            throw error
        }
    }

    /// Takes it out as soon as nobody has a file on it open: the server of a session that was closed ends a little later.
    private func remove(from path: String) async throws {
        try await eventually("nothing on the card is in use") {
            try await Command.run("umount", [path]).status == 0
        }
    }

    private func run(_ arguments: String...) async throws {
        let result = try await Command.run(arguments[0], Array(arguments.dropFirst()))
        guard result.status == 0 else {
            throw Failure(description: "\(arguments): \(result.output)\(result.errorOutput)")
        }
    }

    /// What a command said.
    public struct Failure: Error, CustomStringConvertible {
        /// The command and its words.
        public let description: String
    }
}
