import Foundation
import TestSupport

/// A save that a player wrote.
struct Writing: Hashable, Sendable {
    /// Its content, as ``SaveContent`` numbers it.
    let number: Int
    let device: Int
    let game: Int
    /// Since when it stood there whole, in seconds since 1970.
    let written: Double
    /// When the player wrote over it or deleted it. Nil where it still stands, or where something else was put over it.
    var replaced: Double?
    /// How many seconds after it was written something else was put over it, where somebody saw that.
    var overwrittenAfter: Double?
}

/// Plays on all handhelds, and remembers every save.
actor Player {
    private let handhelds: [Handheld]
    private var writings: [Writing] = []
    private var standing: [Place: Trace] = [:]

    private struct Place: Hashable {
        let device: Int
        let game: Int
    }

    /// A writing, and the file that it made.
    private struct Trace {
        let number: Int
        let inode: UInt
    }

    /// For how long after a write the player looks whether something was put over it, in seconds.
    private static let attention = 10.0

    init(_ handhelds: [Handheld]) { self.handhelds = handhelds }

    /// What was written so far, by number.
    var all: [Writing] { writings }

    /// Writes a new save: under another name that then takes the old one's place, or piece by piece over the old one.
    func play(device: Int, game: Int, size: Int, isAtomic: Bool) async throws {
        let place = Place(device: device, game: game)
        let number = writings.count
        let bytes = SaveContent.bytes(number, size: size)
        let path = handhelds[device].path(game)
        let inode: UInt
        if isAtomic {
            let hidden = "\(handhelds[device].saves)/.game-\(number)"
            let file = try OpenFile(hidden, O_CREAT | O_EXCL)
            try file.write(bytes[...])
            inode = file.inode
            leave(place)
            guard rename(hidden, path) == 0 else { throw SoakError("rename \(path): errno \(errno)") }
        } else {
            leave(place)
            let file = try OpenFile(path, O_CREAT | O_TRUNC)
            inode = file.inode
            let third = bytes.count / 3
            for piece in [bytes[..<third], bytes[third..<(2 * third)], bytes[(2 * third)...]] {
                try file.write(piece)
                try await Task.sleep(for: .milliseconds(15))
            }
        }
        writings.append(Writing(number: number, device: device, game: game, written: Date().timeIntervalSince1970))
        standing[place] = Trace(number: number, inode: inode)
        look(at: place)
    }

    /// Deletes a save, where there is one.
    func delete(device: Int, game: Int) {
        let place = Place(device: device, game: game)
        leave(place)
        standing[place] = nil
        unlink(handhelds[device].path(game))
    }

    /// Looks at what was written lately: whether something else stands there by now.
    func look() {
        let now = Date().timeIntervalSince1970
        for (place, trace) in standing where now - writings[trace.number].written < Player.attention { look(at: place) }
    }

    /// Until now it was the player's, if nothing was put over it before.
    private func leave(_ place: Place) {
        guard let trace = standing[place] else { return }
        look(at: place)
        guard status(of: place)?.st_ino == trace.inode else { return }
        writings[trace.number].replaced = Date().timeIntervalSince1970
    }

    private func look(at place: Place) {
        guard let trace = standing[place], writings[trace.number].overwrittenAfter == nil,
            let status = status(of: place), status.st_ino != trace.inode
        else { return }
        // When it got its name, which is a change of its status (inode(7)).
        let since = Double(status.st_ctim.tv_sec) + Double(status.st_ctim.tv_nsec) / 1e9
        writings[trace.number].overwrittenAfter = max(0, since - writings[trace.number].written)
    }

    private func status(of place: Place) -> stat? {
        var status = stat()
        return lstat(handhelds[place.device].path(place.game), &status) == 0 ? status : nil
    }
}

/// A file that is being written.
private final class OpenFile {
    private let descriptor: Int32
    private let path: String

    init(_ path: String, _ flags: Int32) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CLOEXEC | flags, 0o644)
        guard descriptor >= 0 else { throw SoakError("open \(path): errno \(errno)") }
    }

    deinit { close(descriptor) }

    var inode: UInt {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? status.st_ino : 0
    }

    func write(_ bytes: ArraySlice<UInt8>) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw SoakError("write \(path): errno \(errno)") }
            rest = rest.dropFirst(count)
        }
    }
}
