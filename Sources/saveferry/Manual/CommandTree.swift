import ArgumentParser
import Foundation

/// The commands and their arguments, as the parser itself knows them: what `--experimental-dump-help` prints.
struct CommandTree: Decodable {
    let command: Command

    struct Command: Decodable {
        let commandName: String
        let abstract: String?
        let discussion: String?
        let shouldDisplay: Bool
        let subcommands: [Command]?
        let arguments: [Argument]?
    }

    struct Argument: Decodable, Hashable {
        enum Kind: String, Decodable { case positional, option, flag }
        struct Name: Decodable, Hashable {
            enum Kind: String, Decodable { case long, short, longWithSingleDash }
            let kind: Kind
            let name: String

            /// With its dashes.
            var text: String { (kind == .long ? "--" : "-") + name }
        }

        let kind: Kind
        let names: [Name]?
        let valueName: String?
        let abstract: String?
        let defaultValue: String?
        let isOptional: Bool
        let isRepeating: Bool
        let shouldDisplay: Bool
    }

    /// The tree of this program.
    static func ofThisProgram() throws -> CommandTree {
        try JSONDecoder().decode(CommandTree.self, from: Data(SaveFerry._dumpHelp().utf8))
    }
}
