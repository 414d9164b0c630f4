import Daemon
import Yams

/// Reads `notifications` of `saveferry.yaml`: a list with one mapping for each target.
struct TargetReader {
    /// The settings file, for messages.
    let path: String

    private enum Key: String, CaseIterable {
        case ntfy, gotify, discord, json, command, events, rate
        case discordFile = "discord_file"
        case tokenFile = "token_file"
        case headerFile = "header_file"

        /// Those of which a target has one.
        static let places: [Key] = [.ntfy, .gotify, .discord, .discordFile, .json, .command]
    }

    func targets(_ node: Node) throws -> [NotificationTarget] {
        if node.scalar?.string.isEmpty ?? false { return [] }
        guard let list = node.sequence else {
            throw error(node, "expected a list of targets, each beginning with \"- \"")
        }
        var targets: [NotificationTarget] = []
        for entry in list {
            let target = try target(entry)
            guard !targets.contains(target) else { throw error(entry, "this target is there already") }
            targets.append(target)
        }
        return targets
    }

    private func target(_ entry: Node) throws -> NotificationTarget {
        guard let mapping = entry.mapping else { throw error(entry, "expected keys and values, such as ntfy: URL") }
        var values: [Key: Node] = [:]
        for (name, value) in mapping {
            guard let key = name.string.flatMap(Key.init) else {
                let known = Key.allCases.map(\.rawValue).joined(separator: ", ")
                throw error(name, "unknown key \"\(name.string ?? "?")\"; expected one of \(known)")
            }
            values[key] = value
        }
        let places = Key.places.filter { values[$0] != nil }
        guard let place = places.first, places.count == 1 else {
            let known = Key.places.map(\.rawValue).joined(separator: ", ")
            throw error(entry, "expected exactly one of \(known) for each target")
        }
        return NotificationTarget(
            try self.place(place, values, entry),
            events: try values[.events].map(events) ?? Set(Notice.Kind.allCases),
            rate: try values[.rate].map { node in
                try value(node, .rate, RateLimit.expectation) { RateLimit($0) }
            } ?? .standard)
    }

    private func place(_ key: Key, _ values: [Key: Node], _ entry: Node) throws -> NotificationTarget.Place {
        let file: Key? = key == .ntfy || key == .gotify ? .tokenFile : key == .json ? .headerFile : nil
        for other in [Key.tokenFile, .headerFile] where other != file {
            if let node = values[other] { throw error(node, "\(other.rawValue): nothing to go with \(key.rawValue)") }
        }
        guard let node = values[key] else { throw error(entry, "\(key.rawValue): expected a value") }
        let secret = try file.flatMap { name in try values[name].map { try secretFile($0, name) } }
        switch key {
        case .ntfy:
            let (server, topic) = try address(node, key, "https://ntfy.sh/my-topic") { $0.splittingLast() }
            return .ntfy(server: server, topic: topic, tokenFile: secret)
        case .gotify:
            guard let secret else { throw error(node, "gotify: expected a token_file beside it") }
            return .gotify(server: try address(node, key, "https://gotify.example/") { $0 }, tokenFile: secret)
        case .discord: return .discord(try address(node, key, "https://discord.com/api/webhooks/…") { $0 })
        case .discordFile:
            return .discordFile(path: try secretFile(node, key))
        case .json:
            return .json(try address(node, key, "http://127.0.0.1:8123/hook") { $0 }, headerFile: secret)
        default: return .command(try words(node))
        }
    }

    private func words(_ node: Node) throws -> [String] {
        let words = node.sequence?.map { $0.scalar?.string ?? "" } ?? []
        guard let program = words.first, !program.isEmpty, node.sequence?.allSatisfy({ $0.scalar != nil }) == true
        else {
            throw error(node, "command: expected a list such as [/usr/local/bin/told, --now]; no shell reads it")
        }
        return words
    }

    private func events(_ node: Node) throws -> Set<Notice.Kind> {
        guard let list = node.sequence, !list.isEmpty else {
            throw error(node, "events: expected a list of \(Notice.Kind.expectation)")
        }
        return Set(
            try list.map { try value($0, .events, "one of \(Notice.Kind.expectation)") { Notice.Kind(rawValue: $0) } })
    }

    private func value<Value>(_ node: Node, _ key: Key, _ expected: String, _ parse: (String) -> Value?) throws -> Value
    {
        guard let text = node.scalar?.string else {
            throw error(node, "\(key.rawValue): expected a single value: \(expected)")
        }
        guard let value = parse(text) else {
            throw error(node, "\(key.rawValue): \"\(text)\" can't be used; expected \(expected)")
        }
        return value
    }

    /// Never says what the value was: the secret itself may have been put there.
    private func secretFile(_ node: Node, _ key: Key) throws -> String {
        guard let path = node.scalar?.string, path.hasPrefix("/") || path.hasPrefix("~/"), !path.contains("://") else {
            throw error(node, "\(key.rawValue): expected the path of a file that holds it, beginning with / or ~/")
        }
        return Settings.absolute(path)
    }

    /// Never says what the URL was: it may be secret.
    private func address<Value>(
        _ node: Node, _ key: Key, _ example: String, _ parse: (WebAddress) -> Value?
    ) throws -> Value {
        guard let value = node.scalar.flatMap({ WebAddress($0.string) }).flatMap(parse) else {
            throw error(
                node, "\(key.rawValue): expected an http or https URL without a user name, such as \(example)")
        }
        return value
    }

    private func error(_ node: Node, _ what: String) -> SettingsError {
        SettingsError("\(path):\(node.line): \(SettingsFile.notificationsKey): \(what)")
    }
}
