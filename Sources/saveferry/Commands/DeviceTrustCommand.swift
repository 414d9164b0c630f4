import ArgumentParser
import Foundation
import Orchestrator
import SSHClient
import Store

struct DeviceTrustCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust", abstract: "Pin the host key that a handheld shows.",
        discussion: """
            Without options the offered fingerprints are shown and you are asked. Compare them with what the device \
            itself prints: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub. No credential is sent before a key is pinned.

            Examples:
              saveferry device trust pocket
              saveferry device trust pocket --fingerprint SHA256:…
              saveferry device trust pocket --known-hosts ~/.ssh/known_hosts
            """)
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which device.", completion: .deviceNames) var name: String
    @Option(help: ArgumentHelp("Pin the key with this fingerprint without asking.", valueName: "SHA256:…"))
    var fingerprint: String?
    @Option(help: ArgumentHelp("Take the pins from an OpenSSH known_hosts file.", valueName: "file"))
    var knownHosts: String?

    func run() async throws {
        let wanted = try fingerprint.map { try HostKeyPin.parse($0) }
        let (store, orchestrator, _, _) = try await global.orchestrator()
        let device = try await store.device(named: name)
        if let knownHosts {
            try await importPins(from: knownHosts, device, store)
            return
        }
        let shown = try await orchestrator.offeredHostKeys(of: device)
        let offered = shown.keys
        if let wanted {
            guard let key = offered.first(where: wanted.matches) else {
                throw DeviceFailure(
                    code: .hostKey,
                    message: "\(name) does not offer the key \(wanted.fingerprint); it offers \(list(offered))",
                    advice: "Compare with what the device itself prints.")
            }
            try await pin([key], device, store)
            if !shown.algorithms.old.isEmpty { Console.answer(agreed(on: shown.algorithms)) }
            return
        }
        Console.answer("\(name) (\(device.settings.host) port \(device.settings.port)) offers:")
        for key in offered { Console.answer("  \(key.algorithm) \(key.fingerprint)") }
        Console.answer(agreed(on: shown.algorithms))
        for old in device.hostKeys where !offered.contains(where: { $0.fingerprint == old.fingerprint }) {
            Console.answer("  CHANGED: the pinned key is \(old.algorithm ?? "") \(old.fingerprint)")
        }
        guard isatty(STDIN_FILENO) == 1 else {
            throw DeviceFailure(
                code: .hostKey, message: "there is no terminal to ask on",
                advice: "Run `saveferry device trust \(name) --fingerprint SHA256:…` with the right one.")
        }
        Console.progress("Trust this device? [y/N] ")
        guard readLine()?.lowercased().hasPrefix("y") == true, let first = offered.first else {
            throw DeviceFailure(code: .hostKey, message: "\(name) is still not trusted")
        }
        try await pin([first], device, store)
    }

    private func agreed(on algorithms: AgreedAlgorithms) -> String {
        "Agreed on: \(algorithms.names.joined(separator: ", "))"
            + (algorithms.old.isEmpty
                ? "" : "\nOld, because it has nothing newer: \(algorithms.old.joined(separator: ", "))")
    }

    private func pin(_ keys: [HostKey], _ device: Device, _ store: Store) async throws {
        try await store.pinHostKeys(
            keys.map { PinnedHostKey(algorithm: $0.algorithm, fingerprint: $0.fingerprint) }, for: device.id)
        Console.answer("Pinned \(list(keys)) for \(name). Next: saveferry plan \(name)")
    }

    private func importPins(from file: String, _ device: Device, _ store: Store) async throws {
        guard let text = try? String(contentsOfFile: Settings.absolute(file), encoding: .utf8) else {
            throw SettingsError("--known-hosts: \(file) can't be read")
        }
        let endpoint = Endpoint(host: device.settings.host, port: device.settings.port, user: device.settings.user)
        let pins = KnownHosts.pins(for: endpoint, in: text)
        guard !pins.isEmpty else {
            throw SettingsError(
                "--known-hosts: \(file) has no key for \(device.settings.host) port \(device.settings.port)")
        }
        try await store.pinHostKeys(
            pins.map { PinnedHostKey(algorithm: $0.algorithm, fingerprint: $0.fingerprint) }, for: device.id)
        Console.answer("Pinned \(pins.map(\.fingerprint).joined(separator: ", ")) for \(name).")
    }

    private func list(_ keys: [HostKey]) -> String {
        keys.map { "\($0.algorithm) \($0.fingerprint)" }.joined(separator: ", ")
    }
}
