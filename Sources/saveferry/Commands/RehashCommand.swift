import ArgumentParser
import Store

struct RehashCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rehash", abstract: "Compute the content hash of every version anew.",
        discussion: """
            For when the hashes on record do not fit, as `verify` reports it. What devices last agreed on follows. \
            Running it again changes nothing. Exit code 1 when files are not what was stored; those keep their hash. \
            After an update that hashes in another way, `serve` and `sync` do it by themselves.

            Example:
              saveferry rehash
            """)
    @OptionGroup var global: GlobalOptions
    @Flag(help: "Print JSON.") var json = false

    struct Document: Encodable { let versions: Int, changed: Int, failed: Int }

    func run() async throws {
        let (_, store) = try await global.open()
        try await store.requireLibrary()
        let all = try await store.versionCount()
        let quiet = global.quiet
        let totals = try await Signals.cancelling {
            try await Rehash(store: store, scope: .all).run { version in
                Console.error(
                    "\(version.identity.shown) version \(version.number): its file is not what was stored. "
                        + "Run `saveferry verify`.")
            } progress: { totals in
                if !quiet { CountLine.show("rehashed", totals.versions, of: all) }
            }
        }
        if !quiet { CountLine.end() }
        store.close()
        if json {
            try JSON.answer([
                "rehash": Document(versions: totals.versions, changed: totals.changed, failed: totals.failed)
            ])
        } else {
            Console.answer("\(Formats.count(totals.versions, "version")): \(totals.changed) changed")
        }
        if totals.failed > 0 { throw ExitCode(1) }
    }
}
