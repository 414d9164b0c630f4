import Foundation

/// A folder that is removed with everything in it when the last reference goes.
public final class TemporaryFolder: Sendable {
    /// Absolute, with symbolic links resolved.
    public let path: String

    /// A new empty folder in `folder`, or where temporary files belong.
    public init(in folder: String? = nil) throws {
        let base = (folder.map { URL(fileURLWithPath: $0) } ?? FileManager.default.temporaryDirectory)
            .resolvingSymlinksInPath()
        let url = base.appendingPathComponent("saveferry-test-\(UUID().uuidString.prefix(8).lowercased())")
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        path = url.path
    }

    /// A new empty folder in memory where the machine has room there, else as usual: for the many tests in which something is
    /// forced to the disk again and again, and which can't see whether it got there.
    public static func inMemory() throws -> TemporaryFolder { try TemporaryFolder(in: memory) }

    /// Nil where a container gives hardly any.
    private static let memory: String? = {
        let path = "/dev/shm"
        let room = try? FileManager.default.attributesOfFileSystem(forPath: path)[.systemFreeSize] as? Int
        return (room ?? 0) > 1 << 30 && FileManager.default.isWritableFile(atPath: path) ? path : nil
    }()

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The absolute path of `relative` in this folder.
    public func callAsFunction(_ relative: String) -> String { "\(path)/\(relative)" }

    /// Writes a file, making the folders above it.
    @discardableResult
    public func write(_ bytes: [UInt8], to relative: String) throws -> String {
        let file = self(relative)
        let folder = (file as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    /// Writes a text file, making the folders above it, with these mode bits.
    @discardableResult
    public func write(_ text: String, to relative: String, mode: Int = 0o644) throws -> String {
        let file = try write(Array(text.utf8), to: relative)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    /// The file's bytes, or nil when it does not exist.
    public func read(_ relative: String) -> [UInt8]? {
        FileManager.default.contents(atPath: self(relative)).map(Array.init)
    }

    /// Paths of everything below, relative, sorted.
    public func everything() -> [String] {
        (FileManager.default.subpaths(atPath: path) ?? []).sorted()
    }

    /// Sets a file's modification time, in seconds since 1970.
    public func setTime(_ seconds: Int, of relative: String) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: TimeInterval(seconds))], ofItemAtPath: self(relative))
    }

    /// The modification time, in seconds since 1970.
    public func time(of relative: String) throws -> Int {
        let date = try FileManager.default.attributesOfItem(atPath: self(relative))[.modificationDate] as? Date
        return Int(date?.timeIntervalSince1970 ?? -1)
    }

    /// The names in a folder, byte for byte, sorted.
    public func names(_ relative: String) throws -> [[UInt8]] {
        guard let directory = opendir(self(relative)) else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        defer { closedir(directory) }
        var names: [[UInt8]] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Writes a file whose name is any bytes.
    public func writeRaw(_ name: [UInt8], in relative: String, _ text: String) throws {
        let path = Array(self(relative).utf8) + [UInt8(ascii: "/")] + name + [0]
        let descriptor = path.withUnsafeBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { open($0, O_WRONLY | O_CREAT | O_EXCL, 0o600) } ?? -1
        }
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Foundation.write(descriptor, bytes, bytes.count) == bytes.count else { throw POSIXError(.EIO) }
    }
}
