import ArgumentParser

/// For `make install`; not shown among the commands.
struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Print the manual page saveferry(1).",
        discussion: "Example:\n  saveferry manual | man -l -", shouldDisplay: false)

    func run() throws {
        let page = ManualPage(try .ofThisProgram(), version: SaveFerry.configuration.version)
        Console.answer(page.text(), terminator: "")
    }
}
