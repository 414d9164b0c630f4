import ArgumentParser
import Foundation
import Store

struct DeviceResetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset",
        abstract: "Forget what was agreed on with a handheld, for example after it was reflashed.",
        discussion: """
            Nothing on the device and nothing in the library changes. The next plan compares afresh: equal saves are adopted, \
            what the device lacks is pushed, and what differs is a conflict. Which cards its directories lie on is forgotten \
            too. Untracked saves stay untracked.

            Examples:
              saveferry device reset pocket
              saveferry device reset pocket --yes
            """)
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which device.", completion: .deviceNames) var name: String
    @Flag(help: "Do not ask.") var yes = false

    func run() async throws {
        let (_, store) = try await global.open()
        let device = try await store.device(named: name)
        let (saves, gone) = try await store.agreementCounts(device: device.id)
        let ofThem = gone > 0 ? " (\(gone) of them deleted on the device)" : ""
        let agreed = Formats.count(saves, "save") + ofThem
        if !yes {
            guard isatty(STDIN_FILENO) == 1 else {
                throw SettingsError(
                    "there is no terminal to ask on; run `saveferry device reset \(name) --yes` to forget what was agreed "
                        + "on with \(name) for \(agreed)")
            }
            Console.answer(
                "What was agreed on with \(name) for \(agreed) is forgotten. Then equal saves are adopted, what the device "
                    + "lacks is pushed, and what differs is a conflict. Nothing is changed before its next sync.")
            Console.progress("Forget it? [y/N] ")
            guard readLine()?.lowercased().hasPrefix("y") == true else {
                Console.answer("Nothing was forgotten.")
                throw ExitCode(1)
            }
        }
        // A run that is under way would record anew what it agreed on.
        let lease = try await Lease.acquire(device: device, in: store)
        defer { lease.release() }
        try await store.resetDevice(device.id)
        Console.answer("Forgot what was agreed on with \(name) for \(agreed). Next: saveferry plan \(name)")
    }
}
