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
    @Option(help: "TCP port of its SSH server.") var port: String?
    @Option(help: "Login name.") var user: String?
    @Option(
        help: ArgumentHelp(
            "Private key file, or a public half (FILE.pub) that picks one of the ssh-agent's keys; without it keys_dir/NAME.pem or "
                + "keys_dir/id_ed25519.", valueName: "file"))
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
    @Option(
        help: ArgumentHelp(
            "Extensions of saves in --dir and --platform-dirs, that of new saves first, for example srm,sav.",
            valueName: "list"))
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
    @Flag(
        inversion: .prefixedNo,
        help: "Whether commands may be run on it, which spares reading large files that did not change.")
    var commands: Bool?
    @Flag(
        inversion: .prefixedNo, help: "Whether its account may have no password: an empty password file is right then.")
    var emptyPassword: Bool?

    /// Puts what was given in place of what `settings` has.
    func apply(to settings: inout DeviceSettings) throws {
        try reader.apply(to: &settings)
        let known = settings.directories
        let given = try directories()
        if !given.isEmpty {
            settings.directories = given.map { new in
                // One that stays keeps what was set of it.
                known.first { ($0.path, $0.kind, $0.layout) == (new.path, new.kind, new.layout) }
                    .map { new.with(extensions: $0.extensions, acceptsNew: $0.acceptsNew) } ?? new
            }
        }
        if noNew {
            settings.directories = settings.directories.map { $0.with(extensions: $0.extensions, acceptsNew: false) }
        }
        if let ext { try choose(ext, in: &settings.directories) }
    }

    private var reader: DeviceReader {
        let given: [(DeviceReader.Key, String, String?)] = [
            (.host, "--host", host), (.port, "--port", port), (.user, "--user", user), (.keyFile, "--key", key),
            (.passwordFile, "--password-file", passwordFile), (.agent, "--agent", agent ? "true" : nil),
            (.owner, "--owner", owner), (.conflicts, "--conflicts", conflicts), (.deletions, "--deletions", deletions),
            (.schedule, "--schedule", schedule), (.commands, "--commands", commands.map(String.init)),
            (.emptyPassword, "--empty-password", emptyPassword.map(String.init)),
        ]
        let written = given.compactMap { key, option, text in
            text.map { (key, WrittenValue(text: $0, place: option)) }
        }
        return DeviceReader(
            values: Dictionary(uniqueKeysWithValues: written), folder: FileManager.default.currentDirectoryPath)
    }

    private func choose(_ list: String, in directories: inout [SaveDirectory]) throws {
        let items = list.split(separator: ",").map { WrittenValue(text: String($0), place: "--ext") }
        let extensions = try DeviceReader.extensions(items, of: .save, at: "--ext")
        // States have other extensions, and a folder is a save with all that is in it.
        guard directories.isEmpty || directories.contains(where: \.holdsSaveFiles) else {
            throw SettingsError(
                """
                --ext: none of the directories holds saves that are single files. Leave it out; other extensions of states \
                are set in a device file, see `saveferry device apply --help`
                """)
        }
        directories = directories.map {
            $0.holdsSaveFiles ? $0.with(extensions: extensions, acceptsNew: $0.acceptsNew) : $0
        }
    }

    private func directories() throws -> [SaveDirectory] {
        try dir.map { try directory($0, "--dir", .save, .files) }
            + stateDir.map { try directory($0, "--state-dir", .state, .files) }
            + folderDir.map { try directory($0, "--folder-dir", .save, .folders) }
            + platformDirs.map { path in
                let written = WrittenValue(text: path, place: "--platform-dirs")
                return SaveDirectory(id: 0, path: try DeviceReader.directoryPath(written), platform: .eachSubfolder)
            }
    }

    private func directory(
        _ text: String, _ option: String, _ kind: SaveKind, _ layout: SaveDirectory.Layout
    ) throws -> SaveDirectory {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex,
            text.index(after: equals) != text.endIndex
        else {
            throw WrittenValue(text: text, place: option).unusable("PLATFORM=PATH, for example gba=/roms/gba")
        }
        let path = WrittenValue(text: String(text[text.index(after: equals)...]), place: option)
        let platform = WrittenValue(text: String(text[..<equals]), place: option)
        return SaveDirectory(
            id: 0, path: try DeviceReader.directoryPath(path), platform: try DeviceReader.platform(platform),
            kind: kind, layout: layout)
    }
}

extension SaveDirectory {
    fileprivate var holdsSaveFiles: Bool { kind == .save && layout == .files }

    fileprivate func with(extensions: [String], acceptsNew: Bool) -> SaveDirectory {
        SaveDirectory(
            id: id, path: path, platform: platform, kind: kind, layout: layout, extensions: extensions,
            acceptsNew: acceptsNew)
    }

    /// For example `gba saves in /roms/gba`.
    fileprivate var shown: String {
        let saves = kind == .save ? "saves" : "states"
        let place = FileName.escaped(path)
        return switch platform {
        case .named(let name): "\(FileName.escaped(name)) \(saves) in \(place)"
        case .eachSubfolder: "\(saves) in the folders of \(place)"
        }
    }
}

extension ChangedDevice {
    /// What was done, and what the device no longer has by that.
    fileprivate var answer: String {
        guard let old else { return "Added \(new.settings.name)." }
        let directories = old.directories.filter { one in
            !new.directories.contains { ($0.path, $0.kind, $0.platform) == (one.path, one.kind, one.platform) }
        }
        let keys = old.hostKeys.filter { key in !new.hostKeys.contains { $0.fingerprint == key.fingerprint } }
        let lines =
            ["Changed \(new.settings.name)."]
            + directories.map { "No longer synced: \($0.shown). They stay there and in the library." }
            + keys.map { "No longer trusted: the host key \($0.fingerprint)." }
        return lines.joined(separator: "\n")
    }
}

struct DeviceAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a handheld.",
        discussion: """
            Examples:
              saveferry device add pocket --host 192.168.1.20 --dir gba=/storage/roms/gba --dir snes=/storage/roms/snes
              saveferry device add phone --host phone.lan --port 8022 --user u0_a123 \\
                  --platform-dirs /storage/emulated/0/RetroArch/saves --ext srm,sav --key ~/.ssh/phone
            A new save is named like most that stand beside it (Metroid.srm, Metroid.gba.sav); with --ext it gets the first
            extension of the list.
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
        let trusted = pin.map { PinnedHostKey(algorithm: nil, fingerprint: $0.fingerprint) }
        try await store.addDevice(settings, hostKeys: [trusted].compactMap(\.self))
        Console.answer(
            "Added \(name). Next: "
                + (pin == nil ? "saveferry device trust \(name)" : "saveferry plan \(name)"))
    }
}

struct DeviceEditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a handheld's settings; directories that are given replace all of them.",
        discussion: """
            A directory that stays keeps its extensions and whether it takes new saves; those that go are named.
            Examples:
              saveferry device edit pocket --ext srm,sav
              saveferry device edit pocket --dir gba=/storage/roms/gba --state-dir gba=/storage/states/gba
            """)
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which device.", completion: .deviceNames) var name: String
    @OptionGroup var options: DeviceOptions

    func run() async throws {
        let (_, store) = try await global.open()
        let device = try await store.device(named: name)
        var settings = device.settings
        try options.apply(to: &settings)
        let changed = ChangedDevice(old: device, new: try await store.updateDevice(device.id, settings))
        Console.answer(changed.answer)
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
        commandName: "apply", abstract: "Add and change handhelds as a YAML file has them; others stay.",
        discussion: """
            All of the file is applied, or nothing. What it leaves out has its default, but for host_keys, which stay.
            Paths of key_file and password_file that are relative begin in the file's folder.
            Example:
              devices:
              - name: pocket
                host: 192.168.1.20
                key_file: ~/.ssh/pocket
                directories:
                - {path: /storage/roms/gba, platform: gba, extensions: [srm, sav]}
                - {path: /storage/states/gba, platform: gba, kind: state, extensions: [state, "state#"]}
            """)
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The file, or - for standard input.") var file: String

    func run() async throws {
        let data =
            file == "-" ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: file)
        guard let data, let text = String(data: data, encoding: .utf8) else {
            throw SettingsError("\(file): can't be read as UTF-8 text")
        }
        let current = FileManager.default.currentDirectoryPath
        let devices =
            file == "-"
            ? try DeviceFile(text, path: "standard input", folder: current)
            : try DeviceFile(text, path: file, folder: Settings.absolute("\(file)/.."))
        let (_, store) = try await global.open()
        for changed in try await devices.apply(to: store) { Console.answer(changed.answer) }
    }
}
