import ArgumentParser
import Store

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Copy a version of a save out of the library.",
        discussion: """
            The current version unless --version says otherwise. A save that is a folder becomes a folder. A path that \
            is a folder gets it under its own name. Nothing is replaced without --force.

            Examples:
              saveferry export gba/Metroid --to ~/metroid.srm
              saveferry export psp/ULUS10041 --version 3 --to /media/stick
            """)
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which save.") var save: String
    @Option(name: .customLong("version"), help: "The version's number in `history`.") var number: Int?
    @Option(help: ArgumentHelp("The file or folder to make.", valueName: "path")) var to: String
    @Flag(help: "Replace a file by a file, or a folder by a folder.") var force = false

    func run() async throws {
        let (_, store) = try await global.open()
        try await store.requireLibrary()
        let found = try await store.save(named: save)
        let exported = try await store.export(
            save: found, version: number, to: Settings.absolute(to), replaces: force)
        Console.answer("Version \(exported.version) of \(found.identity.shown) is at \(exported.path).")
    }
}
