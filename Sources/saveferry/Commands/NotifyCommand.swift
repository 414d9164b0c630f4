import ArgumentParser
import Daemon
import Foundation

struct NotifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify", abstract: "Who is told of conflicts, failing devices and full disks.",
        discussion: "`serve` tells those who stand under notifications in saveferry.yaml; see docs/operations.md.",
        subcommands: [Test.self])

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a test notice to every target, and say for each whether it arrived.",
            discussion: """
                Each target is tried once, whatever its rate. Without --kind each gets one of a kind that it is set up for. \
                Exit code 1 when one did not arrive, 2 when there are no targets.

                Examples:
                  saveferry notify test
                  saveferry notify test --kind disk-low
                """)
        @OptionGroup var global: GlobalOptions
        @Option(help: ArgumentHelp("Only targets of this kind: \(Notice.Kind.expectation).", valueName: "kind"))
        var kind: String?
        @Flag(help: "Print JSON.") var json = false

        struct Document: Encodable { let target: String, result: String, detail: String }

        func run() async throws {
            let kind = try kind.map { text in
                guard let kind = Notice.Kind(rawValue: text) else {
                    throw SettingsError("--kind: \"\(text)\" can't be used; expected one of \(Notice.Kind.expectation)")
                }
                return kind
            }
            let targets = try global.settings().notifications.targets
            guard !targets.isEmpty else {
                throw SettingsError("nobody is told anything: there are no notifications in saveferry.yaml")
            }
            let results = await NotificationTest(kind: kind).run(targets, at: Date())
            if json {
                try JSON.answer([
                    "notifications": results.map {
                        Document(target: $0.target, result: $0.result.rawValue, detail: $0.detail)
                    }
                ])
            } else {
                var table = Table(("TARGET", .left), ("RESULT", .left), ("DETAIL", .left))
                for result in results { table.add(result.target, result.result.rawValue, result.detail) }
                Console.answer(table.text)
            }
            if results.contains(where: { $0.result == .failed }) { throw ExitCode(1) }
        }
    }
}
