/// A path below a save directory: components joined by `/`, none of them empty, `.`, `..` or with a control character.
///
/// Compared byte for byte, as a file system does; Swift's own string comparison would take a composed and a
/// decomposed accent for the same file.
public struct RelativePath: Sendable {
    /// The path as text, with the device's own bytes.
    public let text: String

    /// The path, or nil when it is absolute, empty or has a component that could lead elsewhere.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard !parts.isEmpty, parts.allSatisfy({ FileName.problem(in: $0) == nil }) else { return nil }
        self.text = text
    }

    private init(unchecked text: String) {
        self.text = text
    }

    /// The path of what is listed with the name `name` in `folder`, or at the top for nil.
    public init(_ name: some Collection<UInt8>, in folder: RelativePath?) throws(NameProblem) {
        let name = try FileName.parse(name)
        text = folder.map { $0.text + "/" + name } ?? name
    }

    /// The components from the top down; at least one.
    public var components: [Substring] { text.split(separator: "/") }

    /// The first of several components, or nil for a single name.
    public var topFolder: String? {
        text.utf8.firstIndex(of: UInt8(ascii: "/")).map { String(text[..<$0]) }
    }

    /// The first `count` components, or nil when there are no more than that.
    func prefix(_ count: Int) -> RelativePath? {
        var slashes = 0
        let end = text.utf8.firstIndex {
            if $0 == UInt8(ascii: "/") { slashes += 1 }
            return slashes == count
        }
        return end.map { RelativePath(unchecked: String(text[..<$0])) }
    }

    /// The last component.
    public var name: String { String(lastComponent) }

    /// The last component, as a part of the path's own memory.
    var lastComponent: Substring {
        text.utf8.lastIndex(of: UInt8(ascii: "/")).map { text[text.utf8.index(after: $0)...] } ?? text[...]
    }

    /// The path without its last component, or nil at the top.
    public var parent: RelativePath? {
        text.utf8.lastIndex(of: UInt8(ascii: "/")).map { RelativePath(unchecked: String(text[..<$0])) }
    }

    /// The path of what is at `path` below this folder.
    public func appending(_ path: RelativePath) -> RelativePath { RelativePath(unchecked: text + "/" + path.text) }

    /// Whether this path lies somewhere below `folder`.
    public func isBelow(_ folder: RelativePath) -> Bool {
        let prefix = folder.text.utf8
        let own = text.utf8
        return own.count > prefix.count && own.starts(with: prefix)
            && own[own.index(own.startIndex, offsetBy: prefix.count)] == UInt8(ascii: "/")
    }

    /// This path as seen from `folder`, or nil when it does not lie below it.
    public func relative(to folder: RelativePath) -> RelativePath? {
        guard isBelow(folder) else { return nil }
        return RelativePath(unchecked: String(decoding: text.utf8.dropFirst(folder.text.utf8.count + 1), as: UTF8.self))
    }
}

extension RelativePath: Hashable, Comparable, CustomStringConvertible {
    /// True when the bytes are the same.
    public static func == (a: RelativePath, b: RelativePath) -> Bool {
        a.text.hasSameBytes(as: b.text)
    }

    /// By UTF-8 bytes.
    public static func < (a: RelativePath, b: RelativePath) -> Bool {
        a.text.utf8.lexicographicallyPrecedes(b.text.utf8)
    }

    /// Over the UTF-8 bytes.
    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// The path, safe to print.
    public var description: String { FileName.escaped(text) }
}

extension StringProtocol {
    /// Whether both are the same byte for byte, which is more than `==` asks for.
    func hasSameBytes(as other: some StringProtocol) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        // The buffers are used only inside the closures, and only read. Strings that Swift made have them. All bytes are
        // looked at, because then many of them are compared at once.
        let areSame = utf8.withContiguousStorageIfAvailable { bytes in
            other.utf8.withContiguousStorageIfAvailable { other in
                zip(bytes, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
            }
        }
        return (areSame ?? nil) ?? utf8.elementsEqual(other.utf8)
    }

    /// Whether this holds for every byte.
    func eachByte(_ holds: (UInt8) -> Bool) -> Bool {
        // The buffer is used only inside the closure, and only read.
        utf8.withContiguousStorageIfAvailable { $0.allSatisfy(holds) } ?? utf8.allSatisfy(holds)
    }
}
