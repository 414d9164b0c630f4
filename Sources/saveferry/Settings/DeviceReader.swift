import Foundation
import Orchestrator
import Planner
import Store

/// A single value as a user wrote it.
struct WrittenValue {
    let text: String
    /// Where, for messages: `--port`, or `devices.yaml:4: port`.
    let place: String

    /// The value that `parse` makes of the text. Says what was expected where it makes none.
    func value<Value>(_ expected: String, _ parse: (String) -> Value?) throws -> Value {
        guard let value = parse(text) else { throw unusable(expected) }
        return value
    }

    /// Says that a yes or no is expected for everything else.
    func isTrue() throws -> Bool {
        try value("true or false") { text in
            switch text.lowercased() {
            case "true", "yes", "on": true
            case "false", "no", "off": false
            default: nil
            }
        }
    }

    func unusable(_ expected: String) -> SettingsError {
        SettingsError("\(place): \"\(FileName.escaped(text))\" can't be used; expected \(expected)")
    }
}

/// What a user wrote of a device: the options of `device add` and `device edit`, or one device of a file. Both are read here,
/// so that the same words mean the same, and are refused with the same reason.
struct DeviceReader {
    /// A setting by its name in a device file.
    enum Key: String, CaseIterable {
        case host, port, user
        case keyFile = "key_file"
        case passwordFile = "password_file"
        case agent, owner, enabled, conflicts, deletions, schedule, commands
        case emptyPassword = "empty_password"
    }

    /// What was written; the others keep what they have.
    let values: [Key: WrittenValue]
    /// Where relative paths of key and password files begin.
    let folder: String

    /// Puts what was written in place of what `settings` has.
    func apply(to settings: inout DeviceSettings) throws {
        if let host = values[.host] { settings.host = host.text }
        if let port = values[.port] {
            settings.port = try port.value("a number from 1 to 65535") { text in
                Int(text).flatMap { (1...65_535).contains($0) ? $0 : nil }
            }
        }
        if let user = values[.user] { settings.user = user.text }
        if let owner = values[.owner] { settings.owner = owner.text }
        if let authentication = try authentication() { settings.authentication = authentication }
        if let enabled = values[.enabled] { settings.isEnabled = try enabled.isTrue() }
        if let conflicts = values[.conflicts] {
            settings.conflictPolicy = try conflicts.value("ask, newest, device, server or keep-both") {
                ConflictPolicy(rawValue: $0)
            }
        }
        if let deletions = values[.deletions] {
            settings.deletionPolicy = try deletions.value("hold or propagate") { DeletionPolicy(rawValue: $0) }
        }
        if let schedule = values[.schedule] {
            do { _ = try Schedule(schedule.text) } catch { throw SettingsError("\(schedule.place): \(error)") }
            settings.schedule = schedule.text
        }
        if let commands = values[.commands] { settings.runsCommands = try commands.isTrue() }
        if let isEmpty = values[.emptyPassword] { settings.allowsEmptyPassword = try isEmpty.isTrue() }
    }

    /// Nil where nothing was written about it.
    private func authentication() throws -> DeviceSettings.Authentication? {
        let key = try values[.keyFile].map { ($0, DeviceSettings.Authentication.keyFile(path: try path($0))) }
        let password = try values[.passwordFile].map {
            ($0, DeviceSettings.Authentication.passwordFile(path: try path($0)))
        }
        let agent = try values[.agent].flatMap { try $0.isTrue() ? ($0, DeviceSettings.Authentication.agent) : nil }
        let given = [key, password, agent].compactMap(\.self)
        if given.count > 1 {
            throw SettingsError("\(given[1].0.place): give only one of a key file, a password file and the agent")
        }
        return given.first?.1
    }

    private func path(_ written: WrittenValue) throws -> String {
        guard !written.text.isEmpty else { throw written.unusable("the path of a file") }
        return Settings.absolute(written.text, in: folder)
    }
}

extension DeviceReader {
    /// A save directory's path without the slashes at its end, which mean nothing.
    static func directoryPath(_ written: WrittenValue) throws -> String {
        var path = written.text[...]
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard !path.isEmpty, !path.utf8.contains(0) else { throw written.unusable("a path on the device") }
        return String(path)
    }

    static func platform(_ written: WrittenValue) throws -> SaveDirectory.PlatformRule {
        guard !written.text.isEmpty else { throw written.unusable("a platform's name, such as gba") }
        return .named(written.text)
    }

    /// Extensions without their dots, in lower case and each once. `place` is where the whole list was written.
    static func extensions(_ list: [WrittenValue], of kind: SaveKind, at place: String) throws -> [String] {
        var extensions: [String] = []
        for item in list {
            let trimmed = item.text.trimmingCharacters(in: .whitespaces).lowercased()
            let name = String(trimmed.drop { $0 == "." })
            guard isExtension(name, of: kind) else {
                throw item.unusable(
                    kind == .save ? "an extension such as srm" : "an extension such as state, or state# for any number")
            }
            if !extensions.contains(name) { extensions.append(name) }
        }
        guard !extensions.isEmpty else {
            throw SettingsError(
                "\(place): the list is empty, so that no file would be a save; leave it out for all extensions in use")
        }
        return extensions
    }

    private static func isExtension(_ name: String, of kind: SaveKind) -> Bool {
        let isNumbered = kind == .state && name.hasSuffix("#")
        let word = isNumbered ? name.dropLast() : name[...]
        return !word.isEmpty && !(isNumbered && word.last?.isNumber == true)
            && !word.contains { $0.isWhitespace || "#/\\*?,:;\"'[]{}".contains($0) }
            && FileName.escaped(name) == name
    }
}
