import GRDB
import Glibc

/// What went wrong in the database, the library or the state directory.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public enum Code: String, Sendable {
        case notFound, alreadyExists, invalid
        /// Another process has the right to do this: it holds the device's lease, serves the state directory, or receives files.
        case held
        /// Another process has a database open that is to be moved or replaced, or is doing that; it may end in a moment.
        case inUse
        /// What a decision was made for is not so any more.
        case changed
        /// Made by a later version of SaveFerry.
        case newerSchema
        case permissionDenied, noSpace, readOnly, corrupt, other
    }

    /// The kind of failure.
    public let code: Code
    /// What happened, and to what.
    public let what: String
    /// What the user can do; empty where there is nothing but to try again.
    public let advice: String
    /// The device's setting that can't be used, where it is one.
    public let setting: DeviceSetting?

    init(_ code: Code, _ what: String, advice: String = "", about setting: DeviceSetting? = nil) {
        self.code = code
        self.what = what
        self.advice = advice
        self.setting = setting
    }

    /// What happened and what to do, in one line.
    public var description: String { advice.isEmpty ? what : "\(what). \(advice)" }

    /// The failure of a system call on a file (errno(3)).
    init(errno code: Int32, _ action: String) {
        let reason = String(cString: strerror(code))
        switch code {
        case ENOSPC, EDQUOT:
            self.init(.noSpace, "can't \(action): \(reason)", advice: "Make room on the server.")
        case EROFS: self.init(.readOnly, "can't \(action): \(reason)", advice: "Mount it writable.")
        case EACCES, EPERM:
            self.init(.permissionDenied, "can't \(action): \(reason)", advice: "Check who owns it and its mode.")
        case ENOENT: self.init(.notFound, "can't \(action): \(reason)")
        default: self.init(.other, "can't \(action): \(reason)")
        }
    }

    /// The failure that an error from the database amounts to.
    ///
    /// - Parameter stateDirectory: where the database is.
    init(database error: any Error, in stateDirectory: String? = nil) {
        switch error {
        case let error as StoreError: self = error
        case let error as DatabaseError where error.resultCode == .SQLITE_FULL:
            self.init(full: stateDirectory)
        case let error as DatabaseError where error.resultCode == .SQLITE_IOERR:
            // SQLite says no more than that where it can't make its -shm, or a quota is used up.
            if let stateDirectory, StoreError.lacksRoom(stateDirectory) {
                self.init(full: stateDirectory)
            } else {
                self.init(
                    .other,
                    "the disk of the database\(StoreError.place(stateDirectory)) failed: \(error.message ?? "I/O error")",
                    advice: "Look at that disk, at its room and quota, and at the kernel's log.")
            }
        case let error as DatabaseError where error.extendedResultCode == .SQLITE_READONLY_DBMOVED:
            self.init(
                .changed, "the database's file was moved or replaced while it was open",
                advice: "Try again; start `saveferry serve` anew.")
        case let error as DatabaseError where error.resultCode == .SQLITE_READONLY:
            self.init(.readOnly, "the database is read-only", advice: "Check the state directory's owner and mode.")
        case let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB:
            self.init(.corrupt, "the database is damaged: \(error.message ?? "")", advice: "Restore it from a backup.")
        case let error as DatabaseError:
            self.init(.other, "the database refused: \(error.message ?? error.description)")
        default: self.init(.other, "the database could not be used: \(error)")
        }
    }

    private init(full stateDirectory: String?) {
        self.init(
            .noSpace, "the database\(StoreError.place(stateDirectory)) can't grow: the disk is full",
            advice: "Make room on the server.")
    }

    private static func place(_ stateDirectory: String?) -> String { stateDirectory.map { " in \($0)" } ?? "" }

    /// Whether less is free there than SQLite takes at once for its -shm, 32 KiB (https://www.sqlite.org/walformat.html).
    private static func lacksRoom(_ directory: String) -> Bool {
        var info = statvfs()
        guard statvfs(directory, &info) == 0 else { return false }
        return UInt64(info.f_bavail) * UInt64(info.f_frsize) < 32 << 10
    }
}
