import Daemon
import Foundation
import Logging
import Orchestrator
import Planner
import SSHClient
import Store

/// What holds for the whole program: flags over `SAVEFERRY_*` over `saveferry.yaml` over defaults.
struct Settings {
    let stateDirectory: String
    let libraryDirectory: String
    let keysDirectory: String
    let conflictPolicy: ConflictPolicy
    let concurrency: Int
    /// When devices are synced that have no schedule of their own, and how often it is looked whether they are online.
    let scheduling: ScheduleSettings
    /// How many of a slot's newest versions stay.
    let keepVersions: RetentionLimit
    /// For how many days every version stays.
    let keepDays: RetentionLimit
    let logFormat: LogFormat
    let logLevel: Logger.Level
    /// Where `serve` offers metrics; nil does not.
    let metrics: LoopbackAddress?
    /// Who is told of what.
    let notifications: NotificationSettings
    /// How many snapshots stay; nil takes none.
    let snapshots: Int?
    let snapshotsDirectory: String

    static let standardSnapshots = 14

    /// Reads them all. `isFileRequired` refuses to do without the settings file also where none was named.
    init(home: String?, config: String?, isFileRequired: Bool = false) throws {
        let home = (home ?? Environment["SAVEFERRY_HOME"]).map(Settings.absolute)
        let named = config ?? Environment["SAVEFERRY_CONFIG"]
        let path =
            named.map(Settings.absolute) ?? home.map { "\($0)/saveferry.yaml" }
            ?? "\(Settings.xdg("CONFIG", ".config"))/saveferry.yaml"
        let file = try SettingsFile(path: path, isRequired: isFileRequired || named != nil)

        func text(_ key: SettingsFile.Key) throws -> String? {
            try Environment[key.variable] ?? file.text(key)
        }
        stateDirectory = Settings.absolute(
            try text(.stateDir) ?? home.map { "\($0)/state" } ?? Settings.xdg("STATE", ".local/state"))
        libraryDirectory = Settings.absolute(
            try text(.libraryDir) ?? home.map { "\($0)/library" } ?? Settings.xdg("DATA", ".local/share") + "/library")
        keysDirectory = Settings.absolute(
            try text(.keysDir) ?? home.map { "\($0)/keys" } ?? Settings.xdg("CONFIG", ".config") + "/keys")
        conflictPolicy =
            try file.parse(try text(.conflicts), .conflicts, "ask, newest, device, server or keep-both") {
                ConflictPolicy(rawValue: $0)
            } ?? .ask
        concurrency =
            try file.parse(try text(.concurrency), .concurrency, "a number from 1 to 64") {
                Int($0).flatMap { (1...64).contains($0) ? $0 : nil }
            } ?? 8
        scheduling = ScheduleSettings(
            fallback: try file.parse(try text(.schedule), .schedule) { text throws(ScheduleError) in
                try Schedule(text)
            } ?? .standard,
            wake: try file.parse(try text(.wake), .wake) { text throws(ScheduleError) in
                try ScheduleSettings.wake(text)
            } ?? ScheduleSettings.standardWake)
        func limit(_ key: SettingsFile.Key, _ fallback: Int) throws -> RetentionLimit {
            try file.parse(try text(key), key, RetentionLimit.expectation(of: key)) { RetentionLimit($0, key) }
                ?? RetentionLimit(number: fallback)
        }
        keepVersions = try limit(.keepVersions, RetentionRule.standard.versions)
        keepDays = try limit(.keepDays, RetentionRule.standard.days)
        logFormat =
            try file.parse(try text(.logFormat), .logFormat, LogFormat.expectation) { LogFormat(rawValue: $0) } ?? .text
        let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        logLevel =
            try file.parse(try text(.logLevel), .logLevel, "one of \(levels)") { Logger.Level(rawValue: $0) } ?? .notice
        metrics = try file.parse(try text(.metrics), .metrics, LoopbackAddress.expectation) { LoopbackAddress($0) }
        notifications = NotificationSettings(
            targets: file.targets,
            failingAfter: try file.parse(try text(.failingAfter), .failingAfter, "a number from 1 to 100") {
                Int($0).flatMap { (1...100).contains($0) ? $0 : nil }
            } ?? 3,
            diskLimit: try file.parse(try text(.diskLow), .diskLow, DiskLimit.expectation) { DiskLimit($0) }
                ?? .standard)
        let kept =
            try file.parse(try text(.snapshots), .snapshots, "a number from 0 to 100000, or off") { text in
                text == "off" ? 0 : Int(text).flatMap { (0...100_000).contains($0) ? $0 : nil }
            } ?? Settings.standardSnapshots
        snapshots = kept == 0 ? nil : kept
        snapshotsDirectory = try text(.snapshotsDir).map(Settings.absolute) ?? "\(stateDirectory)/snapshots"
        for (key, folder) in [
            (SettingsFile.Key.stateDir, stateDirectory), (.keysDir, keysDirectory), (.snapshotsDir, snapshotsDirectory),
        ] where Settings.isVisible(folder, in: libraryDirectory) {
            let named = try text(key)
            throw SettingsError(
                """
                \(file.place(of: try named ?? text(.libraryDir) ?? "", named == nil ? .libraryDir : key)): \(folder) is in the \
                library \(libraryDirectory), where `verify --repair` would take its files for strays and move them; expected \
                a folder outside of it, or a hidden one, whose name begins with a dot
                """)
        }
    }

    var orchestrator: OrchestratorSettings {
        OrchestratorSettings(
            keysDirectory: keysDirectory, agentSocket: Environment["SSH_AUTH_SOCK"],
            passphrase: Environment["SAVEFERRY_PASSPHRASE"].map { Secret($0) },
            passphraseFile: Environment["SAVEFERRY_PASSPHRASE_FILE"].map(Settings.absolute),
            conflictPolicy: conflictPolicy,
            concurrency: concurrency)
    }

    /// The snapshots that the daemon and the commands share.
    var snapshotFolder: Snapshots { Snapshots(folder: snapshotsDirectory, now: { Date() }) }

    /// Where a shell's `~` leads too; Foundation by itself looks only into the user database.
    private static var userHome: String { Environment["HOME"] ?? NSHomeDirectory() }

    private static func xdg(_ kind: String, _ fallback: String) -> String {
        let base = Environment["XDG_\(kind)_HOME"] ?? "\(userHome)/\(fallback)"
        return "\(base)/saveferry"
    }

    /// Whether `verify` would come upon a folder: it is the library, or in it with no hidden folder on the way.
    private static func isVisible(_ folder: String, in library: String) -> Bool {
        let (folder, library) = (URL(fileURLWithPath: folder), URL(fileURLWithPath: library))
        // A folder that is not there yet has no links to follow.
        return [(folder, library), (folder.resolvingSymlinksInPath(), library.resolvingSymlinksInPath())].contains {
            let (folder, library) = ($0.pathComponents, $1.pathComponents)
            return folder.starts(with: library) && !folder.dropFirst(library.count).contains { $0.hasPrefix(".") }
        }
    }

    /// `~` and paths relative to the current folder made absolute.
    static func absolute(_ path: String) -> String {
        absolute(path, in: FileManager.default.currentDirectoryPath)
    }

    /// `~` and paths relative to `folder` made absolute.
    static func absolute(_ path: String, in folder: String) -> String {
        let expanded = path == "~" || path.hasPrefix("~/") ? userHome + path.dropFirst() : path
        let full = expanded.hasPrefix("/") ? expanded : "\(folder)/\(expanded)"
        return URL(fileURLWithPath: full).standardizedFileURL.path
    }
}
