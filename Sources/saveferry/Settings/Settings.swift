import Foundation
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
    /// For devices without a schedule of their own; nil syncs only those that have one.
    let schedule: Schedule?
    /// How many of a slot's newest versions stay.
    let keepVersions: RetentionLimit
    /// For how many days every version stays.
    let keepDays: RetentionLimit

    init(home: String?, config: String?) throws {
        let home = (home ?? Environment["SAVEFERRY_HOME"]).map(Settings.absolute)
        let named = config ?? Environment["SAVEFERRY_CONFIG"]
        let path =
            named.map(Settings.absolute) ?? home.map { "\($0)/saveferry.yaml" }
            ?? "\(Settings.xdg("CONFIG", ".config"))/saveferry.yaml"
        let file = try SettingsFile(path: path, isRequired: named != nil)

        func text(_ key: SettingsFile.Key) throws -> String? {
            try Environment["SAVEFERRY_" + key.rawValue.uppercased()] ?? file.text(key)
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
        schedule = try file.parse(try text(.schedule), .schedule, Schedule.expectation) { try? Schedule($0) }
        func limit(_ key: SettingsFile.Key, _ fallback: Int) throws -> RetentionLimit {
            try file.parse(try text(key), key, RetentionLimit.expectation(of: key)) { RetentionLimit($0, key) }
                ?? RetentionLimit(number: fallback)
        }
        keepVersions = try limit(.keepVersions, RetentionRule.standard.versions)
        keepDays = try limit(.keepDays, RetentionRule.standard.days)
    }

    var orchestrator: OrchestratorSettings {
        OrchestratorSettings(
            keysDirectory: keysDirectory, agentSocket: Environment["SSH_AUTH_SOCK"],
            passphrase: Environment["SAVEFERRY_PASSPHRASE"].map { Secret($0) },
            passphraseFile: Environment["SAVEFERRY_PASSPHRASE_FILE"].map(Settings.absolute),
            conflictPolicy: conflictPolicy,
            concurrency: concurrency)
    }

    /// Where a shell's `~` leads too; Foundation by itself looks only into the user database.
    private static var userHome: String { Environment["HOME"] ?? NSHomeDirectory() }

    private static func xdg(_ kind: String, _ fallback: String) -> String {
        let base = Environment["XDG_\(kind)_HOME"] ?? "\(userHome)/\(fallback)"
        return "\(base)/saveferry"
    }

    /// `~` and relative paths made absolute.
    static func absolute(_ path: String) -> String {
        let expanded = path == "~" || path.hasPrefix("~/") ? userHome + path.dropFirst() : path
        let full = expanded.hasPrefix("/") ? expanded : "\(FileManager.default.currentDirectoryPath)/\(expanded)"
        return URL(fileURLWithPath: full).standardizedFileURL.path
    }
}
