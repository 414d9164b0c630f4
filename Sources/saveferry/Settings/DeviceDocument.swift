import Planner
import Store

/// A device as YAML and JSON have it. Holds no secret, only where one is found. ``DeviceFile`` reads the YAML.
struct DeviceDocument: Encodable {
    struct Directory: Encodable {
        var path: String
        var platform: String?
        var kind: String?
        var layout: String?
        var extensions: [String]?
        var acceptsNew: Bool?
    }

    struct Key: Encodable {
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
                extensions: directory.hasDefaultExtensions || directory.layout == .folders
                    ? nil : directory.extensions,
                acceptsNew: directory.acceptsNew)
        }
    }

    enum CodingKeys: String, CodingKey {
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
    enum CodingKeys: String, CodingKey {
        case path, platform, kind, layout, extensions
        case acceptsNew = "accepts_new"
    }
}
