import Foundation

/// A folder that is removed with everything in it when the last reference goes.
public final class TemporaryFolder: Sendable {
    /// Absolute, with symbolic links resolved.
    public let path: String

    /// A new empty folder.
    public init() throws {
        let base = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
        let url = base.appendingPathComponent("saveferry-test-\(UUID().uuidString.prefix(8).lowercased())")
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        path = url.path
    }

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

    /// Writes a text file, making the folders above it.
    @discardableResult
    public func write(_ text: String, to relative: String) throws -> String {
        try write(Array(text.utf8), to: relative)
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
}
