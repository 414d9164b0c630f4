import ArgumentParser
import Foundation
import Planner
import Store

struct RetentionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention", abstract: "Remove old versions from the library by the rule in the settings.",
        discussion: """
            The newest versions of a slot stay (keep_versions, 20), and whatever was stored, current, or replaced on a \
            device within some days (keep_days, 90). Archived versions of a save are counted by themselves, by the same \
            rule. The current version, what a device last agreed on, and both sides of an open conflict always stay, \
            also of deleted saves. "all" for either setting removes nothing. `serve` does this every day.

            Examples:
              saveferry retention --dry-run
              saveferry retention --keep-versions 5 --keep-days 30
            """)
    @OptionGroup var global: GlobalOptions
    @OptionGroup var retention: RetentionOptions
    @Flag(help: "Say what would be removed, and remove nothing.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    struct Document: Encodable {
        let saveId: Int64, platform: String, game: String, kind: String, slot: String, version: Int
        let sizeBytes: UInt64, createdAt: Date, libraryPath: String

        init(_ version: ExpiredVersion) {
            (saveId, platform, game) = (version.save, version.identity.platform, version.identity.game)
            (kind, slot, self.version) = (version.identity.kind.rawValue, version.identity.slot, version.number)
            (sizeBytes, createdAt, libraryPath) = (version.size, version.created, version.libraryPath)
        }
    }

    struct TotalsDocument: Encodable { let versions: Int, bytes: UInt64, failed: Int, dryRun: Bool }

    func run() async throws {
        let (settings, store) = try await global.open()
        try await store.requireLibrary()
        let rule = try retention.rule(over: settings)
        guard let rule else {
            if json {
                try JSONList("versions").end(totals: TotalsDocument(versions: 0, bytes: 0, failed: 0, dryRun: dryRun))
            } else {
                Console.answer("Everything stays: keep_versions or keep_days is \"all\".")
            }
            return
        }
        let sweep = RetentionSweep(store: store, rule: rule, logger: global.logger(settings))
        let totals = try await Signals.cancelling { try await carryOut(sweep) }
        for failure in totals.failures { Console.error(failure.description) }
        store.close()
        if !totals.failures.isEmpty { throw ExitCode(1) }
    }

    private func carryOut(_ sweep: RetentionSweep) async throws -> RetentionSweep.Totals {
        var list = json ? JSONList("versions") : nil
        let each: ([ExpiredVersion]) -> Void = { versions in
            for version in versions {
                if list != nil {
                    try? list?.add(Document(version))
                } else {
                    Console.answer(
                        "\(version.identity.shown) version \(version.number), \(Formats.size(version.size)), "
                            + Formats.time(version.created))
                }
            }
        }
        let totals = try await dryRun ? sweep.preview(each: each) : sweep.run(each: each)
        if let list {
            try list.end(
                totals: TotalsDocument(
                    versions: totals.removed, bytes: totals.bytes, failed: totals.failures.count, dryRun: dryRun))
        } else {
            let found = "\(Formats.count(totals.removed, "version")), \(Formats.size(totals.bytes))"
            Console.answer(dryRun ? "Would remove \(found)." : "Removed \(found).")
        }
        return totals
    }
}
