import Foundation

/// A card with a real exFAT file system (exfat-fuse on a loop device, losetup(8)), mounted until it is removed.
public final class ExFATCard: Sendable {
    private let folder: TemporaryFolder
    private let loop: String

    /// Why there is none here, or nil where one can be had.
    public static let obstacle: String? = {
        guard getuid() == 0 else { return "an exFAT card needs root" }
        let needed = ["/usr/sbin/mkfs.exfat", "/usr/sbin/mount.exfat-fuse", "/dev/fuse", "/dev/loop-control"]
        return needed.first { !FileManager.default.fileExists(atPath: $0) }.map { "an exFAT card needs \($0)" }
    }()

    /// An empty one of 64 MiB.
    public init() async throws {
        folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder("card"), withIntermediateDirectories: true)
        _ = try await ExFATCard.run("truncate", "-s", "64M", folder("image"))
        _ = try await ExFATCard.run("/usr/sbin/mkfs.exfat", folder("image"))
        loop = try await ExFATCard.run("losetup", "-f", "--show", folder("image"))
        do { _ = try await ExFATCard.run("/usr/sbin/mount.exfat-fuse", loop, folder("card")) } catch {
            _ = try? await ExFATCard.run("losetup", "-d", loop)
            throw error
        }
    }

    /// Where it is mounted.
    public var path: String { folder("card") }

    /// Takes it out.
    public func remove() async throws {
        _ = try await ExFATCard.run("umount", "-l", path)
        _ = try await ExFATCard.run("losetup", "-d", loop)
    }

    private static func run(_ program: String, _ arguments: String...) async throws -> String {
        let command = try await Command.run(program, arguments)
        guard command.status == 0 else { throw Failed(what: "\(program): \(command.errorOutput)") }
        return command.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private struct Failed: Error { let what: String }
}
