import Daemon
import Foundation
import Orchestrator
import Yams

/// `saveferry.yaml`: a mapping of known keys to single values, and `notifications`, a list.
struct SettingsFile {
    enum Key: String, CaseIterable {
        case stateDir = "state_dir"
        case libraryDir = "library_dir"
        case keysDir = "keys_dir"
        case conflicts, concurrency, schedule, wake
        case keepVersions = "keep_versions"
        case keepDays = "keep_days"
        case logFormat = "log_format"
        case logLevel = "log_level"
        case metrics
        case failingAfter = "failing_after"
        case diskLow = "disk_low"
        case snapshots
        case snapshotsDir = "snapshots_dir"

        /// The environment's variable of the same meaning.
        var variable: String { self == .logLevel ? "SAVEFERRY_LOG" : "SAVEFERRY_\(rawValue.uppercased())" }
    }

    /// The one key whose value is a list.
    static let notificationsKey = "notifications"

    private let path: String
    private(set) var targets: [NotificationTarget] = []
    private var values: [Key: (text: String, line: Int)] = [:]

    /// Reads the file; one that does not exist is empty unless `isRequired` is set. The defaults remove old versions, so
    /// nothing else counts as empty: not a file that can't be read, and not one without a single byte, as an editor leaves
    /// it for a moment and a full disk for good.
    init(path: String, isRequired: Bool) throws {
        self.path = path
        guard let data = try SettingsFile.bytes(at: path) else {
            guard isRequired else { return }
            throw SettingsError("\(path): there is no such settings file")
        }
        guard let text = String(data: data, encoding: .utf8) else { throw SettingsError("\(path): not UTF-8 text") }
        guard let root = try YAMLText.compose(text, path) else { return }
        guard let mapping = root.mapping else {
            throw SettingsError("\(path):\(root.line): expected lines of the form key: value")
        }
        for (name, value) in mapping {
            if name.string == SettingsFile.notificationsKey {
                targets = try TargetReader(path: path).targets(value)
                continue
            }
            let known = Key.allCases.map(\.rawValue) + [SettingsFile.notificationsKey]
            guard let key = name.string.flatMap(Key.init) else {
                throw SettingsError(
                    "\(path):\(name.line): unknown key \"\(name.string ?? "?")\"; expected one of \(known.joined(separator: ", "))"
                )
            }
            guard let text = value.scalar?.string else {
                throw SettingsError("\(path):\(value.line): \(key.rawValue): expected a single value")
            }
            values[key] = (text, value.line)
        }
    }

    /// What is in the file, or nil where there is none.
    private static func bytes(at path: String) throws(SettingsError) -> Data? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw unreadable(path)
        }
        defer { close(file) }
        var bytes = Data()
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path) }
            if count == 0 { break }
            bytes += piece.prefix(count)
        }
        var info = stat()
        // A device such as /dev/null is empty on purpose.
        guard !bytes.isEmpty || fstat(file, &info) != 0 || info.st_mode & S_IFMT != S_IFREG else {
            throw SettingsError(
                "\(path): the settings file is empty. Put the settings back, or remove it where there are to be none.")
        }
        return bytes
    }

    private static func unreadable(_ path: String) -> SettingsError {
        SettingsError("\(path): the settings file can't be read: \(String(cString: strerror(errno)))")
    }

    func text(_ key: Key) throws -> String? { values[key]?.text }

    /// `text` as a value, or nil when it is nil. Says where it stands and what was expected.
    func parse<Value>(
        _ text: String?, _ key: Key, _ expected: String, _ parse: (String) -> Value?
    ) throws -> Value? {
        guard let text else { return nil }
        guard let value = parse(text) else {
            throw SettingsError("\(place(of: text, key)): \"\(text)\" can't be used; expected \(expected)")
        }
        return value
    }

    /// `text` as a value, or nil when it is nil. Says where it stands, and what `parse` says.
    func parse<Value>(
        _ text: String?, _ key: Key, _ parse: (String) throws(ScheduleError) -> Value
    ) throws -> Value? {
        guard let text else { return nil }
        do throws(ScheduleError) { return try parse(text) } catch {
            throw SettingsError("\(place(of: text, key)): \(error)")
        }
    }

    /// Where `text`, the value of `key`, stands: a line of the file, or the environment's variable; and the key.
    func place(of text: String, _ key: Key) -> String {
        let fromFile = values[key].map { $0.text == text } ?? false
        let place = fromFile ? "\(path):\(values[key]?.line ?? 0)" : key.variable
        return "\(place): \(key.rawValue)"
    }
}

/// YAML with errors in this program's words.
enum YAMLText {
    static func compose(_ text: String, _ path: String) throws -> Node? {
        do {
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            switch error {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                throw SettingsError("\(path):\(mark.line): \(problem)")
            case .duplicatedKeysInMapping(let keys, let context):
                throw SettingsError("\(path):\(context.mark.line): given twice: \(keys.joined(separator: ", "))")
            default: throw SettingsError("\(path): \(error)")
            }
        }
    }
}

extension Node {
    /// The line it stands on, counted from 1.
    var line: Int { mark?.line ?? 0 }
}
