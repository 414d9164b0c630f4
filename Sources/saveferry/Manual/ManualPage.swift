/// saveferry(1), made of the commands themselves.
struct ManualPage {
    private let root: CommandTree.Command
    private let version: String
    /// What every command takes: shown once.
    private let common: [CommandTree.Argument]
    private var page = Roff()

    init(_ tree: CommandTree, version: String) {
        root = tree.command
        self.version = version
        let leaves = ManualPage.leaves(of: root, after: []).map { $0.command.arguments ?? [] }
        common = (leaves.first ?? []).filter { argument in leaves.allSatisfy { $0.contains(argument) } }
    }

    /// The page in the language of man(7).
    func text() -> String {
        var manual = self
        manual.write()
        return manual.page.text
    }

    private mutating func write() {
        page.macro("TH", "SAVEFERRY", "1", "", "saveferry \(version)", "User commands")
        page.macro("SH", "NAME")
        page.line("saveferry - \((root.abstract ?? "").asPhrase)")
        page.macro("SH", "SYNOPSIS")
        page.line("`saveferry` COMMAND [OPTIONS]")
        page.macro("SH", "DESCRIPTION")
        page.paragraphs(root.discussion ?? "")
        page.macro("SH", "OPTIONS OF EVERY COMMAND")
        for argument in common { write(argument) }
        page.macro("SH", "COMMANDS")
        for (path, command) in ManualPage.leaves(of: root, after: []) { write(command, path) }
        page.macro("SH", "SEE ALSO")
        page.line("`saveferry.yaml`(5), `ssh-keygen`(1), `systemctl`(1)")
    }

    private mutating func write(_ command: CommandTree.Command, _ path: [String]) {
        let own = (command.arguments ?? []).filter { $0.shouldDisplay && !common.contains($0) }
        page.macro("SS", path.joined(separator: " "))
        page.line("`\(path.joined(separator: " "))` " + own.map(\.synopsis).joined(separator: " "))
        page.macro("PP")
        page.line(command.abstract ?? "")
        for argument in own { write(argument) }
        if let discussion = command.discussion {
            page.macro("PP")
            page.paragraphs(discussion)
        }
    }

    private mutating func write(_ argument: CommandTree.Argument) {
        page.macro("TP")
        page.line(argument.heading)
        page.line((argument.abstract ?? "") + (argument.defaultValue.map { " (default: \($0))" } ?? ""))
    }

    /// The commands that do something, with the words that call them, in the order in which help shows them.
    private static func leaves(
        of command: CommandTree.Command, after path: [String]
    ) -> [(path: [String], command: CommandTree.Command)] {
        guard command.shouldDisplay, command.commandName != "help" else { return [] }
        let path = path + [command.commandName]
        guard let subcommands = command.subcommands else { return [(path, command)] }
        return subcommands.flatMap { leaves(of: $0, after: path) }
    }
}

extension CommandTree.Argument {
    private var value: String { (valueName ?? "value").uppercased() }

    /// As it stands in a line of usage.
    fileprivate var synopsis: String {
        let name = (names ?? []).first { $0.kind == .long } ?? names?.first
        let word =
            switch kind {
            case .positional: value
            case .flag: name?.text ?? ""
            case .option: "\(name?.text ?? "") \(value)"
            }
        return (isOptional ? "[\(word)]" : word) + (isRepeating ? "..." : "")
    }

    /// Every name that it has.
    fileprivate var heading: String {
        guard kind != .positional else { return "`\(value)`" }
        let all = (names ?? []).map { "`\($0.text)`" }.joined(separator: ", ")
        return kind == .option ? "\(all) \(value)" : all
    }
}

extension String {
    /// A sentence as it stands behind a name (man-pages(7)): not capitalized, without its period.
    fileprivate var asPhrase: String {
        prefix(1).lowercased() + (hasSuffix(".") ? dropFirst().dropLast() : dropFirst())
    }
}
