/// One place on a device where saves lie.
public struct SaveDirectory: Hashable, Sendable {
    /// How the platform of a save is known.
    public enum PlatformRule: Hashable, Sendable {
        /// Everything in the directory is of this platform.
        case named(String)
        /// Each subfolder is a platform and gives it its name.
        case eachSubfolder
    }

    /// What is one save.
    public enum Layout: String, Hashable, Sendable {
        /// Each file whose extension is on the list, at any depth.
        case files
        /// Each subfolder with everything in it.
        case folders
    }

    /// The row's number in the database.
    public let id: Int64
    /// Absolute path on the device, or one relative to the login directory; without a trailing slash.
    public let path: String
    /// How the platform of what lies here is known.
    public let platform: PlatformRule
    /// Whether saves or states lie here.
    public let kind: SaveKind
    /// What is one save here.
    public let layout: Layout
    /// Lower case, without the dot, in order of preference for new files where the user chose them; `#` at the end stands
    /// for any number. Not used by ``Layout/folders``.
    public let extensions: [String]
    /// Whether saves that the device never had are put here.
    public let acceptsNew: Bool

    /// A save directory; see the properties.
    public init(
        id: Int64, path: String, platform: PlatformRule, kind: SaveKind = .save, layout: Layout = .files,
        extensions: [String]? = nil, acceptsNew: Bool = true
    ) {
        self.id = id
        self.path = path
        self.platform = platform
        self.kind = kind
        self.layout = layout
        self.extensions = extensions ?? SaveFileName.defaultExtensions(for: kind)
        self.acceptsNew = acceptsNew
    }

    /// Whether the user has not chosen other extensions.
    public var hasDefaultExtensions: Bool { extensions == SaveFileName.defaultExtensions(for: kind) }
}
