import ArgumentParser
import Store

/// The flags that say which versions stay.
struct RetentionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Newest versions of a slot that stay, and as many archived ones; \"all\" removes nothing.", valueName: "n"))
    var keepVersions: String?

    @Option(help: ArgumentHelp("Days for which every version stays; \"all\" removes nothing.", valueName: "days"))
    var keepDays: String?

    /// The flags over the settings; nil when everything stays.
    func rule(over settings: Settings) throws -> RetentionRule? {
        let versions = try limit(keepVersions, .keepVersions, "--keep-versions") ?? settings.keepVersions
        let days = try limit(keepDays, .keepDays, "--keep-days") ?? settings.keepDays
        guard let versions = versions.number, let days = days.number else { return nil }
        return RetentionRule(versions: versions, days: days)
    }

    private func limit(_ text: String?, _ key: SettingsFile.Key, _ flag: String) throws -> RetentionLimit? {
        guard let text else { return nil }
        guard let limit = RetentionLimit(text, key) else {
            throw SettingsError("\(flag): \"\(text)\" can't be used; expected \(RetentionLimit.expectation(of: key))")
        }
        return limit
    }
}

/// How many, or all.
struct RetentionLimit {
    /// Nil for all.
    let number: Int?

    init(number: Int) { self.number = number }

    /// From `20` or `all`; nil for anything else.
    init?(_ text: String, _ key: SettingsFile.Key) {
        guard text != "all" else {
            number = nil
            return
        }
        guard let number = Int(text), (RetentionLimit.least(key)...100_000).contains(number) else { return nil }
        self.number = number
    }

    static func expectation(of key: SettingsFile.Key) -> String { "a number from \(least(key)) to 100000, or all" }

    /// Keeping no version at all is not a choice; keeping none for its age alone is.
    private static func least(_ key: SettingsFile.Key) -> Int { key == .keepVersions ? 1 : 0 }
}
