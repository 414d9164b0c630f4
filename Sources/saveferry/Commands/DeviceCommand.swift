import ArgumentParser
import Foundation
import Orchestrator
import Planner
import SSHClient
import Store

/// `saveferry device …`
struct DeviceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "Add, change and trust handhelds.",
        subcommands: [
            DeviceAddCommand.self, DeviceListCommand.self, DeviceShowCommand.self, DeviceEditCommand.self,
            DeviceRemoveCommand.self, DeviceEnableCommand.self, DeviceDisableCommand.self, DeviceTrustCommand.self,
            DeviceResetCommand.self, DeviceExportCommand.self, DeviceApplyCommand.self,
        ])
}

/// What `device add` and `device edit` have in common.
struct DeviceOptions: ParsableArguments {
    @Option(help: "Name or address of the handheld.") var host: String?
    @Option(help: "TCP port of its SSH server.") var port: Int?
    @Option(help: "Login name.") var user: String?
    @Option(
        help: ArgumentHelp("Private key file; without it keys_dir/NAME.pem or keys_dir/id_ed25519.", valueName: "file"))
    var key: String?
    @Option(help: ArgumentHelp("File with the password on its first line, mode 0600.", valueName: "file"))
    var passwordFile: String?
    @Flag(help: "Log in with the keys of the ssh-agent.") var agent = false
    @Option(help: ArgumentHelp("A directory with saves of one platform. Repeatable.", valueName: "platform=path"))
    var dir: [String] = []
    @Option(help: ArgumentHelp("A directory with save states of one platform. Repeatable.", valueName: "platform=path"))
    var stateDir: [String] = []
    @Option(
        help: ArgumentHelp(
            "A directory in which each folder is one save, as PSP has them. Repeatable.", valueName: "platform=path"))
    var folderDir: [String] = []
    @Option(help: ArgumentHelp("A directory in which each subfolder is a platform. Repeatable.", valueName: "path"))
    var platformDirs: [String] = []
    @Option(help: ArgumentHelp("Extensions of saves, the preferred one first, for example srm,sav.", valueName: "list"))
    var ext: String?
    @Option(help: "Whose saves these are.") var owner: String?
    @Option(
        help: ArgumentHelp("When both sides changed: ask, newest, device, server or keep-both.", valueName: "policy"))
    var conflicts: String?
    @Option(
        help: ArgumentHelp(
            "Saves deleted on the server: hold keeps them on the device, propagate removes them.", valueName: "policy"))
    var deletions: String?
    @Option(help: ArgumentHelp("When `serve` syncs it: \(Schedule.expectation).", valueName: "when"))
    var schedule: String?
    @Flag(help: "Never put saves on it that it did not have.") var noNew = false

    /// Applies what was given to `settings`.
    func apply(to settings: inout DeviceSettings) throws {
        if let host { settings.host = host }
        if let port { settings.port = port }
        if let user { settings.user = user }
        if let owner { settings.owner = owner }
        guard [key != nil, passwordFile != nil, agent].count(where: { $0 }) <= 1 else {
            throw SettingsError("give only one of --key, --password-file and --agent")
        }
        if let key { settings.authentication = .keyFile(path: Settings.absolute(key)) }
        if let passwordFile { settings.authentication = .passwordFile(path: Settings.absolute(passwordFile)) }
        if agent { settings.authentication = .agent }
        if let conflicts {
            guard let policy = ConflictPolicy(rawValue: conflicts) else {
                throw SettingsError(
                    "--conflicts: \"\(conflicts)\" can't be used; expected ask, newest, device, server or keep-both")
            }
            settings.conflictPolicy = policy
        }
        if let deletions {
            guard let policy = DeletionPolicy(rawValue: deletions) else {
                throw SettingsError("--deletions: \"\(deletions)\" can't be used; expected hold or propagate")
            }
            settings.deletionPolicy = policy
        }
        if let schedule {
            do { _ = try Schedule(schedule) } catch { throw SettingsError("--schedule: \(error)") }
            settings.schedule = schedule
        }
        let given = try directories()
        if !given.isEmpty { settings.directories = given }
        if given.isEmpty, ext != nil || noNew {
            settings.directories = settings.directories.map { old in
                SaveDirectory(
                    id: old.id, path: old.path, platform: old.platform, kind: old.kind, layout: old.layout,
                    extensions: extensions ?? old.extensions, acceptsNew: noNew ? false : old.acceptsNew)
            }
        }
    }

    private var extensions: [String]? {
        ext.map { list in
            list.split(separator: ",").map { item in
                let name = item.trimmingCharacters(in: .whitespaces).lowercased()
                return name.hasPrefix(".") ? String(name.dropFirst()) : name
            }.filter { !$0.isEmpty }
        }
    }

    private func directories() throws -> [SaveDirectory] {
        try dir.map { try directory($0, "--dir", .save, .files) }
            + stateDir.map { try directory($0, "--state-dir", .state, .files) }
            + folderDir.map { try directory($0, "--folder-dir", .save, .folders) }
            + platformDirs.map { path in
                SaveDirectory(
                    id: 0, path: DeviceOptions.trimmed(path), platform: .eachSubfolder, extensions: extensions,
                    acceptsNew: !noNew)
            }
    }

    private func directory(
        _ text: String, _ option: String, _ kind: SaveKind, _ layout: SaveDirectory.Layout
    ) throws -> SaveDirectory {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex,
            text.index(after: equals) != text.endIndex
        else {
            throw SettingsError(
                "\(option): \"\(text)\" can't be used; expected PLATFORM=PATH, for example gba=/roms/gba")
        }
        return SaveDirectory(
            id: 0, path: DeviceOptions.trimmed(String(text[text.index(after: equals)...])),
            platform: .named(String(text[..<equals])), kind: kind, layout: layout,
            extensions: kind == .save ? extensions : nil, acceptsNew: !noNew)
    }

    private static func trimmed(_ path: String) -> String {
        path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }
}

struct DeviceAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a handheld.",
        discussion: """
            Examples:
              saveferry device add pocket --host 192.168.1.20 --dir gba=/storage/roms/gba --dir snes=/storage/roms/snes
              saveferry device add phone --host phone.lan --port 8022 --user u0_a123 \\
                  --platform-dirs /storage/emulated/0/RetroArch/saves --key ~/.ssh/phone
            """)
    @OptionGroup var global: GlobalOptions
    @Argument(help: "What to call it.") var name: String
    @OptionGroup var options: DeviceOptions
    @Option(help: ArgumentHelp("Trust the host key with this fingerprint.", valueName: "SHA256:…")) var trust: String?

    func run() async throws {
        guard let host = options.host else { throw SettingsError("--host is missing: the name or address of \(name)") }
        var settings = DeviceSettings(name: name, host: host, directories: [])
        try options.apply(to: &settings)
        let pin = try trust.map { try HostKeyPin.parse($0) }
        let (_, store) = try await global.open()
        let device = try await store.addDevice(settings)
        if let pin {
            try await store.pinHostKeys([PinnedHostKey(algorithm: nil, fingerprint: pin.fingerprint)], for: device.id)
        }
        Console.answer(
            "Added \(name). Next: "
                + (pin == nil ? "saveferry device trust \(name)" : "saveferry plan \(name)"))
    }
}

struct DeviceEditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a handheld's settings; directories that are given replace all of them.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which device.", completion: .deviceNames) var name: String
    @OptionGroup var options: DeviceOptions

    func run() async throws {
        let (_, store) = try await global.open()
        let device = try await store.device(named: name)
        var settings = device.settings
        try options.apply(to: &settings)
        try await store.updateDevice(device.id, settings)
        Console.answer("Changed \(name).")
    }
}

struct DeviceListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the handhelds.")
    @OptionGroup var global: GlobalOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let (_, store) = try await global.open()
        let devices = try await store.devices()
        if json {
            try JSON.answer(["devices": devices.map(DeviceDocument.init)])
            return
        }
        var table = Table(("NAME", .left), ("ADDRESS", .left), ("DIRECTORIES", .right), ("STATE", .left))
        for device in devices {
            let state = device.settings.isEnabled ? device.hostKeys.isEmpty ? "not trusted yet" : "enabled" : "disabled"
            table.add(
                device.settings.name, "\(device.settings.user)@\(device.settings.host):\(device.settings.port)",
                "\(device.directories.count)", state)
        }
        Console.answer(devices.isEmpty ? "No devices yet. Add one with `saveferry device add`." : table.text)
    }
}

struct DeviceShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show a handheld's settings.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which device.", completion: .deviceNames) var name: String
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let (_, store) = try await global.open()
        let document = DeviceDocument(try await store.device(named: name))
        if json { try JSON.answer(["devices": [document]]) } else { Console.answer(try DeviceFile.text([document])) }
    }
}

struct DeviceRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Forget a handheld. Saves and their history stay.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which device.", completion: .deviceNames) var name: String

    func run() async throws {
        let (_, store) = try await global.open()
        try await store.removeDevice(try await store.device(named: name).id)
        Console.answer("Removed \(name). Its saves are still in the library.")
    }
}

struct DeviceEnableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable", abstract: "Include a handheld in runs again.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which device.", completion: .deviceNames) var name: String

    func run() async throws { try await setEnabled(true, name, global) }
}

struct DeviceDisableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable", abstract: "Leave a handheld out of runs that name none.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which device.", completion: .deviceNames) var name: String

    func run() async throws { try await setEnabled(false, name, global) }
}

private func setEnabled(_ isEnabled: Bool, _ name: String, _ global: GlobalOptions) async throws {
    let (_, store) = try await global.open()
    let device = try await store.device(named: name)
    var settings = device.settings
    settings.isEnabled = isEnabled
    try await store.updateDevice(device.id, settings)
    Console.answer("\(isEnabled ? "Enabled" : "Disabled") \(name).")
}

struct DeviceExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print all handhelds as YAML, for `device apply`.")
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let (_, store) = try await global.open()
        Console.answer(try DeviceFile.text(try await store.devices().map(DeviceDocument.init)))
    }
}

struct DeviceApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Add and change handhelds as a YAML file has them; others stay.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The file, or - for standard input.") var file: String

    func run() async throws {
        let data =
            file == "-" ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: file)
        guard let data, let text = String(data: data, encoding: .utf8) else {
            throw SettingsError("\(file): can't be read as UTF-8 text")
        }
        let documents = try DeviceFile.devices(text, file == "-" ? "standard input" : file)
        let (_, store) = try await global.open()
        for document in documents {
            let settings = try document.settings()
            let pins = try (document.hostKeys ?? []).map {
                PinnedHostKey(algorithm: $0.algorithm, fingerprint: try HostKeyPin.parse($0.fingerprint).fingerprint)
            }
            let existing = try await store.devices().first { $0.settings.name == settings.name }
            let device =
                if let existing {
                    try await store.updateDevice(existing.id, settings)
                } else { try await store.addDevice(settings) }
            if document.hostKeys != nil { try await store.pinHostKeys(pins, for: device.id) }
            Console.answer("\(existing == nil ? "Added" : "Changed") \(settings.name).")
        }
    }
}
