/// Which of a device's directories lie in others of the same kind and layout: what stands in the inner one is the inner
/// one's, and not the outer one's too.
public struct InnerDirectories: Sendable {
    /// By the outer one's number; the innermost first.
    private let all: [Int64: [(path: RelativePath, directory: SaveDirectory)]]

    /// Looks at the paths as they are written; where links lead to is not known here.
    public init(_ directories: [SaveDirectory]) {
        let places = directories.map { ($0, $0.place) }
        var all: [Int64: [(path: RelativePath, directory: SaveDirectory)]] = [:]
        for (outer, place) in places {
            let found = places.compactMap { inner, other -> (path: RelativePath, directory: SaveDirectory)? in
                guard inner.kind == outer.kind, inner.layout == outer.layout, let place, let other else { return nil }
                return other.path(below: place).map { ($0, inner) }
            }
            if !found.isEmpty {
                all[outer.id] = found.sorted { $0.path.text.utf8.count > $1.path.text.utf8.count }
            }
        }
        self.all = all
    }

    /// The directories in the one with this number and their paths below it, the innermost first.
    func directories(in outer: Int64) -> [(path: RelativePath, directory: SaveDirectory)] { all[outer] ?? [] }

    /// The paths below the directory with this number that are other directories.
    public func paths(in outer: Int64) -> Set<RelativePath> { Set(directories(in: outer).map(\.path)) }
}

extension SaveDirectory {
    /// Whether both paths are the same place, however they are written.
    public func isSamePlace(as other: SaveDirectory) -> Bool {
        guard let place, let others = other.place else { return path == other.path }
        return place == others
    }

    /// Nil for a path that goes upwards: only the device can tell where that leads.
    fileprivate var place: DirectoryPlace? {
        let parts = path.split(separator: "/").filter { $0 != "." }
        // The login directory, where relative paths start.
        let names = path == "~" || path.hasPrefix("~/") ? Array(parts.dropFirst()) : parts
        return names.contains("..") ? nil : DirectoryPlace(isAbsolute: path.hasPrefix("/"), names: names)
    }
}

/// A directory's path without what says nothing.
private struct DirectoryPlace: Equatable {
    let isAbsolute: Bool
    let names: [Substring]

    /// This place as seen from `outer`, or nil when it does not lie below it.
    func path(below outer: DirectoryPlace) -> RelativePath? {
        guard isAbsolute == outer.isAbsolute, names.count > outer.names.count, names.starts(with: outer.names) else {
            return nil
        }
        return RelativePath(names.dropFirst(outer.names.count).joined(separator: "/"))
    }
}
