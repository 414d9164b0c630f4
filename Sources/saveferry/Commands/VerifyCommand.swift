import ArgumentParser
import Foundation
import Planner
import Store

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Read the whole library and compare it with the database.",
        discussion: """
            Reports versions whose files are missing or changed, and files that no version refers to (orphans). With \
            --repair, files are copied back from wherever the library has the same content, and orphans, and what a \
            repair replaces, move to LIBRARY/.saveferry/orphans; nothing is ever deleted. What can't be repaired stays \
            reported. What is missing or changed is read at the next sync of each device that has it by the record, and put back, \
            also without --repair. Hidden files are left alone. Exit code 1 when differences remain.

            Examples:
              saveferry verify
              saveferry verify --repair
            """)
    @OptionGroup var global: GlobalOptions
    @Flag(help: "Repair what can be repaired.") var repair = false
    @Flag(help: "Print JSON.") var json = false

    struct Document: Encodable {
        let kind: String, libraryPath: String, saveId: Int64?, platform: String?, game: String?, slot: String?
        let version: Int?, repaired: Bool, detail: String?

        init(_ difference: Difference) {
            let reference = difference.version
            (kind, libraryPath) = (difference.kind.rawValue, difference.libraryPath)
            (saveId, platform) = (reference?.save, reference?.identity.platform)
            (game, slot, version) = (reference?.identity.game, reference?.identity.slot, reference?.number)
            repaired = !difference.remains
            detail = difference.detail
        }
    }

    struct TotalsDocument: Encodable {
        let versions: Int, differences: Int, repaired: Int, remaining: Int, soughtOrphans: Bool
    }

    func run() async throws {
        let (_, store) = try await global.open()
        if repair { try await store.requireLibrary() }
        let verification = Verification(store: store, repairs: repair)
        let totals = try await Signals.cancelling { try await carryOut(verification) }
        store.close()
        if totals.remaining > 0 { throw ExitCode(1) }
    }

    private func carryOut(_ verification: Verification) async throws -> Verification.Totals {
        var list = json ? JSONList("differences") : nil
        let quiet = global.quiet
        let totals = try await verification.run { difference in
            if list != nil { try? list?.add(Document(difference)) } else { Console.answer(difference.shown) }
        } progress: { progress in
            if !quiet { CountLine.show("verified", progress.versions, of: progress.all) }
        }
        if !quiet { CountLine.end() }
        if !totals.soughtOrphans {
            Console.note("Orphans were not looked for everywhere: a sync is under way. Run it again later.")
        }
        if let list {
            try list.end(
                totals: TotalsDocument(
                    versions: totals.versions, differences: totals.differences, repaired: totals.repaired,
                    remaining: totals.remaining, soughtOrphans: totals.soughtOrphans))
        } else {
            Console.answer(
                "\(Formats.count(totals.versions, "version")): \(Formats.count(totals.differences, "difference"))"
                    + (repair ? ", \(totals.repaired) repaired" : "")
                    + (totals.remaining > 0 && !repair ? "; see `saveferry verify --help`" : ""))
        }
        return totals
    }
}

extension Difference {
    /// How it was repaired, or why not.
    fileprivate var detail: String? {
        switch outcome {
        case .remains: kind == .contentHash ? "run `saveferry rehash`" : nil
        case .heldElsewhere(let devices):
            "the next sync of what has it by the record stores it again: \(devices.joined(separator: ", "))"
        case .repaired(let how): how
        case .unrepairable(let why): why
        }
    }

    /// One line for people.
    fileprivate var shown: String {
        let what = kind.rawValue.replacingOccurrences(of: "_", with: " ")
        let whose = version.map { " (\($0.identity.shown) version \($0.number))" } ?? ""
        let ending = detail.map { ": " + FileName.escaped($0) } ?? ""
        return "\(remains ? what : "repaired \(what)"): \(FileName.escaped(libraryPath))\(whose)\(ending)"
    }
}
