import Glibc

/// What SQLite keeps beside a database, and takes for a part of it (https://www.sqlite.org/tempfiles.html).
enum SideFiles {
    static let suffixes = ["-wal", "-shm", "-journal"]

    /// Keeps what was left beside a database that is gone: SQLite would lay a `-wal` over the next one, or remove it, and it
    /// may have what was committed last. Nothing is done where the database stands and is not empty.
    ///
    /// They get names that fit a database called `saveferry.db.kept` (`.kept-2` and so on). Returns those, durable.
    static func keep(beside file: String) throws(StoreError) -> [String] {
        var info = stat()
        guard lstat(file, &info) != 0 || info.st_size == 0 && info.st_mode & S_IFMT == S_IFREG else { return [] }
        let left = suffixes.filter { stands(file + $0) }
        guard !left.isEmpty else { return [] }
        let kept = freeName(for: file)
        var names: [String] = []
        for suffix in left {
            if stat(file + suffix, &info) == 0, info.st_size == 0 {
                FileCalls.remove(file + suffix)
                continue
            }
            guard try FileCalls.moveWithoutReplacing(file + suffix, to: kept + suffix, isFolder: false) else {
                throw StoreError(.alreadyExists, "\(kept)\(suffix) exists", advice: "Try again.")
            }
            names.append(kept + suffix)
        }
        // One that stays would spoil the database to come.
        for suffix in left where stands(file + suffix) {
            throw StoreError(.other, "\(file)\(suffix) can't be removed", advice: "Move it away.")
        }
        do { try FileCalls.sync(FileCalls.parent(of: file)) } catch { throw telling(of: names, error) }
        return names
    }

    /// An error after which they are kept nevertheless: nobody would look for them under these names.
    static func telling(of kept: [String], _ error: StoreError) -> StoreError {
        guard !kept.isEmpty else { return error }
        return StoreError(
            error.code, "\(error.what); what was left beside the database is kept as \(kept.joined(separator: ", "))",
            advice: error.advice)
    }

    private static func freeName(for file: String) -> String {
        var (name, attempt) = ("\(file).kept", 1)
        while ([""] + suffixes).contains(where: { stands(name + $0) }) {
            attempt += 1
            name = "\(file).kept-\(attempt)"
        }
        return name
    }

    private static func stands(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0
    }
}
