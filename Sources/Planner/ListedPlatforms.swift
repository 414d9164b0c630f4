extension SaveDirectory {
    /// The platform of everything here, folded; nil where each subfolder is one.
    public var foldedPlatform: String? {
        if case .named(let name) = platform { NameFolding.platform(name) } else { nil }
    }
}

extension DirectoryListing {
    /// The platforms, folded, whose saves stand here or have their place here. A save of another platform is no part of a
    /// plan, unless it was agreed on with the device before.
    public var platforms: Set<String> {
        if let platform = directory.foldedPlatform { return [platform] }
        guard case .listed(let contents) = state else { return [] }
        var names = Set(contents.folders.lazy.filter { $0.parent == nil }.map(\.name))
        for file in contents.files { if let folder = file.path.topFolder { names.insert(folder) } }
        return Set(names.map(NameFolding.platform))
    }
}
