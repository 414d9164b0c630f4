import Foundation
import Yams

/// `saveferry.yaml`: a mapping of known keys to single values.
struct SettingsFile {
    enum Key: String, CaseIterable {
        case stateDir = "state_dir"
        case libraryDir = "library_dir"
        case keysDir = "keys_dir"
        case conflicts, concurrency, schedule
        case keepVersions = "keep_versions"
        case keepDays = "keep_days"
    }

    private let path: String
    private var values: [Key: (text: String, line: Int)] = [:]

    /// Reads the file; one that does not exist is empty unless `isRequired` is set.
    init(path: String, isRequired: Bool) throws {
        self.path = path
        guard let data = FileManager.default.contents(atPath: path) else {
            if isRequired { throw SettingsError("\(path): the settings file can't be read") }
            return
        }
        guard let text = String(data: data, encoding: .utf8) else { throw SettingsError("\(path): not UTF-8 text") }
        guard let root = try YAMLText.compose(text, path) else { return }
        guard let mapping = root.mapping else {
            throw SettingsError("\(path):\(root.line): expected lines of the form key: value")
        }
        for (name, value) in mapping {
            let known = Key.allCases.map(\.rawValue)
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

    func text(_ key: Key) throws -> String? { values[key]?.text }

    /// `text` as a value, or nil when it is nil. Says where it stands and what was expected.
    func parse<Value>(
        _ text: String?, _ key: Key, _ expected: String, _ parse: (String) -> Value?
    ) throws -> Value? {
        guard let text else { return nil }
        guard let value = parse(text) else {
            let fromFile = values[key].map { $0.text == text } ?? false
            let place = fromFile ? "\(path):\(values[key]?.line ?? 0)" : "SAVEFERRY_\(key.rawValue.uppercased())"
            throw SettingsError("\(place): \(key.rawValue): \"\(text)\" can't be used; expected \(expected)")
        }
        return value
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
            default: throw SettingsError("\(path): \(error)")
            }
        }
    }
}

extension Node {
    /// The line it stands on, counted from 1.
    var line: Int { mark?.line ?? 0 }
}
