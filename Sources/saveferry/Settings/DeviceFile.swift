import Foundation
import Orchestrator
import Planner
import Store
import Yams

/// A device as YAML and JSON have it. Holds no secret, only where one is found.
struct DeviceDocument: Codable {
    struct Directory: Codable {
        var path: String
        var platform: String?
        var kind: String?
        var layout: String?
        var extensions: [String]?
        var acceptsNew: Bool?
    }

    struct Key: Codable {
        var algorithm: String?
        var fingerprint: String
    }

    var name: String
    var host: String
    var port: Int?
    var user: String?
    var keyFile: String?
    var passwordFile: String?
    var agent: Bool?
    var owner: String?
    var enabled: Bool?
    var conflicts: String?
    var deletions: String?
    var schedule: String?
    var commands: Bool?
    var emptyPassword: Bool?
    var hostKeys: [Key]?
    var directories: [Directory]

    init(_ device: Device) {
        let settings = device.settings
        name = settings.name
        host = settings.host
        port = settings.port
        user = settings.user
        switch settings.authentication {
        case .keyFile(let path): keyFile = path
        case .passwordFile(let path): passwordFile = path
        case .agent: agent = true
        }
        owner = settings.owner
        enabled = settings.isEnabled
        conflicts = settings.conflictPolicy?.rawValue
        deletions = settings.deletionPolicy.rawValue
        schedule = settings.schedule
        // What most devices have is not worth a line.
        commands = settings.runsCommands ? nil : false
        emptyPassword = settings.allowsEmptyPassword ? true : nil
        hostKeys = device.hostKeys.map { Key(algorithm: $0.algorithm, fingerprint: $0.fingerprint) }
        directories = device.directories.map { directory in
            let platform: String? = if case .named(let name) = directory.platform { name } else { nil }
            return Directory(
                path: directory.path, platform: platform, kind: directory.kind.rawValue,
                layout: directory.layout.rawValue,
                extensions: directory.hasDefaultExtensions ? nil : directory.extensions,
                acceptsNew: directory.acceptsNew)
        }
    }

    /// The settings; throws what is wrong with them.
    func settings() throws -> DeviceSettings {
        func value<Value>(_ text: String?, _ key: String, _ expected: String, _ parse: (String) -> Value?) throws
            -> Value?
        {
            guard let text else { return nil }
            guard let value = parse(text) else {
                throw SettingsError("device \(name): \(key): \"\(text)\" can't be used; expected \(expected)")
            }
            return value
        }
        let authentication: DeviceSettings.Authentication =
            agent == true ? .agent : passwordFile.map { .passwordFile(path: $0) } ?? .keyFile(path: keyFile)
        let conflicts = try value(conflicts, "conflicts", "ask, newest, device, server or keep-both") {
            ConflictPolicy(rawValue: $0)
        }
        let deletions = try value(deletions, "deletions", "hold or propagate") { DeletionPolicy(rawValue: $0) }
        if let schedule {
            do { _ = try Schedule(schedule) } catch { throw SettingsError("device \(name): schedule: \(error)") }
        }
        let directories = try directories.map { directory in
            SaveDirectory(
                id: 0, path: directory.path, platform: directory.platform.map { .named($0) } ?? .eachSubfolder,
                kind: try value(directory.kind, "kind", "save or state") { SaveKind(rawValue: $0) } ?? .save,
                layout: try value(directory.layout, "layout", "files or folders") { SaveDirectory.Layout(rawValue: $0) }
                    ?? .files,
                extensions: directory.extensions, acceptsNew: directory.acceptsNew ?? true)
        }
        return DeviceSettings(
            name: name, host: host, port: port ?? 22, user: user ?? "root", authentication: authentication,
            owner: owner ?? "default", isEnabled: enabled ?? true, directories: directories, conflictPolicy: conflicts,
            deletionPolicy: deletions ?? .hold, schedule: schedule,
            runsCommands: commands ?? true, allowsEmptyPassword: emptyPassword ?? false)
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, host, port, user
        case keyFile = "key_file"
        case passwordFile = "password_file"
        case agent, owner, enabled, conflicts, deletions, schedule, commands
        case emptyPassword = "empty_password"
        case hostKeys = "host_keys"
        case directories
    }
}

extension DeviceDocument.Directory {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case path, platform, kind, layout, extensions
        case acceptsNew = "accepts_new"
    }
}

/// Devices as a YAML file: a list under `devices`.
enum DeviceFile {
    private struct Root: Codable {
        var devices: [DeviceDocument]
    }

    static func text(_ devices: [DeviceDocument]) throws -> String {
        try YAMLEncoder().encode(Root(devices: devices)).trimmingCharacters(in: .newlines)
    }

    /// The devices in a file with this text. Unknown keys are refused with their line.
    static func devices(_ text: String, _ path: String) throws -> [DeviceDocument] {
        guard let root = try YAMLText.compose(text, path), let list = root.mapping?["devices"]?.sequence else {
            throw SettingsError("\(path):1: devices: expected a list of devices under this key")
        }
        for node in list {
            try refuseUnknown(node, DeviceDocument.CodingKeys.allCases.map(\.rawValue), path)
            for directory in node.mapping?["directories"]?.sequence ?? [] {
                try refuseUnknown(directory, DeviceDocument.Directory.CodingKeys.allCases.map(\.rawValue), path)
            }
        }
        do {
            return try YAMLDecoder().decode(Root.self, from: text).devices
        } catch let DecodingError.keyNotFound(key, context) {
            throw SettingsError("\(path): \(place(context.codingPath)): the key \(key.stringValue) is missing")
        } catch let DecodingError.typeMismatch(_, context), let DecodingError.dataCorrupted(context) {
            throw SettingsError("\(path): \(place(context.codingPath)): \(context.debugDescription)")
        }
    }

    private static func refuseUnknown(_ node: Node, _ known: [String], _ path: String) throws {
        guard let mapping = node.mapping else { throw SettingsError("\(path):\(node.line): expected keys and values") }
        for (key, _) in mapping where !known.contains(key.string ?? "") {
            throw SettingsError(
                "\(path):\(key.line): unknown key \"\(key.string ?? "?")\"; expected one of \(known.joined(separator: ", "))"
            )
        }
    }

    private static func place(_ path: [any CodingKey]) -> String {
        path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }
}
