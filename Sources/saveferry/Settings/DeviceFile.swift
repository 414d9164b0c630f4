import Foundation
import Planner
import SSHClient
import Store
import Yams

/// Devices as a YAML file: a list under `devices`.
struct DeviceFile {
    /// The file, for messages.
    private let path: String
    private let devices: [Entry]

    /// A device of the file, and the lines of what is said of it.
    private struct Entry {
        let change: DeviceChange
        let line: Int
        let lines: [String: Int]
    }

    /// Reads the file with this text. Relative paths in it begin in `folder`. Says of the first mistake in which line and under
    /// which key it stands, and what was expected.
    init(_ text: String, path: String, folder: String) throws {
        self.path = path
        guard let root = try YAMLText.compose(text, path), let list = root.mapping?["devices"]?.sequence else {
            throw SettingsError("\(path):1: devices: expected a list of devices under this key")
        }
        var entries: [Entry] = []
        for node in list {
            let entry = try DeviceFile.entry(node, path, folder)
            let name = entry.change.settings.name
            guard !entries.contains(where: { $0.change.settings.name == name }) else {
                throw SettingsError(
                    "\(path):\(entry.lines["name"] ?? entry.line): name: \(name) is in the file twice; expected each device once"
                )
            }
            entries.append(entry)
        }
        devices = entries
    }

    /// Adds and changes the devices, all or none of them.
    func apply(to store: Store) async throws -> [ChangedDevice] {
        do {
            return try await store.apply(devices.map(\.change))
        } catch {
            guard let entry = devices.first(where: { $0.change.settings.name == error.setting?.device }) else {
                throw error
            }
            throw DeviceFile.located(error, path, entry.line, entry.lines)
        }
    }

    /// The text of a file that has these devices.
    static func text(_ devices: [DeviceDocument]) throws -> String {
        try YAMLEncoder().encode(["devices": devices]).trimmingCharacters(in: .newlines)
    }

    private static func entry(_ node: Node, _ path: String, _ folder: String) throws -> Entry {
        let own = ["name", "host_keys", "directories"]
        let values = try Values(node, own + DeviceReader.Key.allCases.map(\.rawValue), path)
        var written: [DeviceReader.Key: WrittenValue] = [:]
        for key in DeviceReader.Key.allCases { written[key] = try values.single(key.rawValue) }
        var settings = DeviceSettings(
            name: try values.required("name").text, host: try values.required("host").text, directories: [])
        try DeviceReader(values: written, folder: folder).apply(to: &settings)
        settings.directories = try values.list("directories", "save directories").map { try directory($0, path) }
        let hostKeys =
            try values.has("host_keys")
            ? values.list("host_keys", "host keys").map { try hostKey($0, path) } : nil
        do { try settings.validate() } catch { throw located(error, path, values.line, values.lines) }
        return Entry(
            change: DeviceChange(settings, hostKeys: hostKeys), line: values.line, lines: values.lines)
    }

    private static func directory(_ node: Node, _ path: String) throws -> SaveDirectory {
        let keys = ["path", "platform", "kind", "layout", "extensions", "accepts_new"]
        let values = try Values(node, keys, path)
        let kind = try values.single("kind")?.value("save or state") { SaveKind(rawValue: $0) } ?? .save
        let layout =
            try values.single("layout")?.value("files or folders") { SaveDirectory.Layout(rawValue: $0) } ?? .files
        var extensions: [String]?
        if values.has("extensions") {
            let list = try values.list("extensions", "extensions, such as [srm, sav]")
            let place = values.place("extensions")
            guard layout == .files else {
                throw SettingsError("\(place): a folder is a save with all that is in it; expected none here")
            }
            let items = try list.map { try Values.single($0, place: "\(path):\($0.line): extensions") }
            extensions = try DeviceReader.extensions(items, of: kind, at: place)
        }
        return SaveDirectory(
            id: 0, path: try DeviceReader.directoryPath(try values.required("path")),
            platform: try values.single("platform").map(DeviceReader.platform) ?? .eachSubfolder, kind: kind,
            layout: layout, extensions: extensions, acceptsNew: try values.single("accepts_new")?.isTrue() ?? true)
    }

    private static func hostKey(_ node: Node, _ path: String) throws -> PinnedHostKey {
        let values = try Values(node, ["algorithm", "fingerprint"], path)
        let fingerprint = try values.required("fingerprint")
        do {
            return PinnedHostKey(
                algorithm: try values.single("algorithm")?.text,
                fingerprint: try HostKeyPin.parse(fingerprint.text).fingerprint)
        } catch let error as SSHError {
            throw SettingsError("\(fingerprint.place): \(error)")
        }
    }

    private static func located(_ error: StoreError, _ path: String, _ line: Int, _ lines: [String: Int]) -> any Error {
        guard let key = error.setting?.key.rawValue else { return error }
        return SettingsError("\(path):\(lines[key] ?? line): \(key): \(error)")
    }
}

/// The keys and values of one mapping in a device file. Those whose value is null count as left out.
private struct Values {
    let line: Int
    private let path: String
    private var nodes: [String: Node] = [:]

    init(_ node: Node, _ known: [String], _ path: String) throws {
        line = node.line
        self.path = path
        guard let mapping = node.mapping else { throw SettingsError("\(path):\(node.line): expected keys and values") }
        for (key, value) in mapping {
            guard let name = key.string, known.contains(name) else {
                throw SettingsError(
                    "\(path):\(key.line): unknown key \"\(key.string ?? "?")\"; expected one of \(known.joined(separator: ", "))"
                )
            }
            if value.null == nil { nodes[name] = value }
        }
    }

    var lines: [String: Int] { nodes.mapValues(\.line) }

    func has(_ key: String) -> Bool { nodes[key] != nil }

    func place(_ key: String) -> String { "\(path):\(nodes[key]?.line ?? line): \(key)" }

    /// Nil where it was left out.
    func single(_ key: String) throws -> WrittenValue? {
        try nodes[key].map { try Values.single($0, place: place(key)) }
    }

    func required(_ key: String) throws -> WrittenValue {
        guard let value = try single(key) else { throw SettingsError("\(place(key)): missing; expected a value") }
        return value
    }

    func list(_ key: String, _ what: String) throws -> [Node] {
        guard let list = nodes[key]?.sequence else { throw SettingsError("\(place(key)): expected a list of \(what)") }
        return Array(list)
    }

    static func single(_ node: Node, place: String) throws -> WrittenValue {
        guard let text = node.scalar?.string else { throw SettingsError("\(place): expected a single value") }
        return WrittenValue(text: text, place: place)
    }
}
