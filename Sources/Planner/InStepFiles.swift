/// The files that a device has where nothing has to be done: found by where they stand, without reading their names, and
/// told by their stamps.
///
/// What the names say is looked at when the table is made, while the device is being connected.
struct InStepFiles: Sendable {
    private var places: KeyPositions<StandingPlace>
    /// One for each of `places`.
    private var files: [(row: Int32, stamp: Stamp)] = []
    private let directories: [Int64: SaveDirectory]

    /// Those of `rows` whose file is still read as that save of `owner` under the settings of `directories`.
    init(_ rows: [ScopeRow], of owner: String, in directories: [SaveDirectory]) {
        self.directories = Dictionary(directories.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let readers = self.directories.filter { $1.layout == .files }.mapValues(SaveFileReader.init)
        places = KeyPositions(capacity: rows.count)
        files.reserveCapacity(rows.count)
        for (index, row) in rows.enumerated() {
            guard let file = row.inStepFile, let names = readers[file.directory]?.read(file.path),
                row.save.identity.hasNames(names, of: owner) || row.key == SaveIdentity(names, of: owner).key,
                places.add(StandingPlace(directory: file.directory, path: file.path)) == nil
            else { continue }
            files.append((Int32(index), file.stamp))
        }
    }

    /// Whether the table was made under these settings.
    func areKnown(in directory: SaveDirectory) -> Bool { directories[directory.id] == directory }

    /// The place in the rows of the save that this file is, or nil where its names or its content must be looked at.
    func row(of file: ListedFile, in directory: Int64) -> Int? {
        guard let index = places.position(of: StandingPlace(directory: directory, path: file.path)),
            files[index].stamp == file.stamp
        else { return nil }
        return Int(files[index].row)
    }

    /// The save that the file of this row is, under the names that the device gives it.
    func save(_ row: ScopeRow, of owner: String) -> DeviceSave? {
        guard let file = row.inStepFile, let directory = directories[file.directory] else { return nil }
        return SaveFileReader(directory).save(of: ListedFile(path: file.path, stamp: file.stamp), owner: owner)
    }
}

/// Where a file stands on a device.
private struct StandingPlace: HashedKey {
    /// The save directory's number.
    let directory: Int64
    let path: RelativePath

    var hash: Int {
        var hasher = Hasher()
        hasher.combine(path)
        hasher.combine(directory)
        return hasher.finalize()
    }
}
