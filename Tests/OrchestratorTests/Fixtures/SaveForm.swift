import Planner
import Testing

/// What the saves of a handheld are. Cases that are about any save run once for each form.
enum SaveForm: String, CaseIterable, CustomTestStringConvertible {
    /// Each save is one file.
    case file
    /// Each save is a folder of several files, as a PSP keeps them, in which there are also entries that no version holds.
    case folder

    var testDescription: String { rawValue }

    /// The save directory at this path.
    func directory(_ path: String, acceptsNew: Bool = true) -> SaveDirectory {
        switch self {
        case .file:
            SaveDirectory(
                id: 0, path: path, platform: .named("gba"), extensions: ["srm", "sav", "state"], acceptsNew: acceptsNew)
        case .folder:
            SaveDirectory(id: 0, path: path, platform: .named("psp"), layout: .folders, acceptsNew: acceptsNew)
        }
    }

    /// The files of a folder save, by their paths in it. All have the same text, so that a mix of two versions shows.
    ///
    /// One is nine folders deep, and its name has what file systems and shells take for something else.
    static let entries = ["DATA.BIN", "icons/ICON0.PNG", "1/2/3/4/5/6/7/8/9/Pok\u{e9}mon $[*] \u{2605}.bin"]
}

/// What stands in a folder save and belongs to no version of it: a run must leave it where it is, whatever becomes of the save.
struct ForeignEntry: CustomStringConvertible {
    enum Kind {
        case link(to: String)
        case file
        case emptyFolder
    }

    /// The folder that it is in, below the save's own; "" for that one.
    let folder: String
    let name: [UInt8]
    let kind: Kind

    /// One of each kind, at the top of the save and further down.
    static let all = [
        ForeignEntry("", "LINK\(ending)", .link(to: "DATA.BIN")),
        ForeignEntry("1/2", "LINK\(ending)", .link(to: "nowhere")),
        ForeignEntry("icons", "BAD\u{1}NAME\(ending)", .file),
        ForeignEntry("", [0x42, 0xff, 0xfe] + ending.utf8, .file),
        ForeignEntry("", "EMPTY\(ending)", .emptyFolder),
    ]

    var description: String { "\(folder)/\(String(decoding: name, as: UTF8.self))" }

    /// Whether a plan's line is about one of them.
    static func isNamed(by remotePath: String) -> Bool { remotePath.hasSuffix(ending) }

    private static let ending = ".foreign"

    private init(_ folder: String, _ name: some Sequence<UInt8>, _ kind: Kind) {
        (self.folder, self.name, self.kind) = (folder, Array(name), kind)
    }

    private init(_ folder: String, _ name: String, _ kind: Kind) { self.init(folder, name.utf8, kind) }
}
