import Foundation
import TestSupport

/// Eight devices in one run, seven of them with an encrypted key file: what the decryption costs, and whether the eighth, whose key
/// has no passphrase, waits for it. SaveFerry alone, and beside an older one where that is given.
enum EncryptedKeys {
    static let devices = 7
    /// As `ssh-keygen -a` takes them.
    static let rounds = 100
    static let passphrase = "correct horse"

    /// Which keys the seven have.
    enum Kind: String, CaseIterable {
        /// None of the seven is there.
        case none = "keys-plain"
        /// One that all share.
        case shared = "keys-shared"
        case own = "keys-own"

        var title: String {
            switch self {
            case .none: "a device with a plain key, alone"
            case .shared: "beside it \(devices) devices that share a key of \(rounds) KDF rounds"
            case .own: "beside it \(devices) devices with a key of \(rounds) KDF rounds each"
            }
        }
    }

    static func data(_ device: Int) -> DataSet {
        DataSet(count: 10, size: 8 << 10, layout: .folders(1), prefix: "key\(device)-")
    }
}

extension Runner {
    /// - Parameter before: an older program to measure beside ours, or nil.
    func runEncryptedKeys(before: String?) async throws {
        let server = try await OpenSSHServer(.forMeasuring)
        let programs = [(name: ferry.name, program: ferry.program)] + (before.map { [("before", $0)] } ?? [])
        for kind in EncryptedKeys.Kind.allCases {
            var turns: [(home: Home, entry: Notebook.Entry)] = []
            for (name, program) in programs {
                let home = Home(path: try await laboratory.freshFolder(), program: program)
                try await make(home, kind, server.port)
                let entry = notebook.begin(kind.rawValue, kind.title, .openSSH, 0, name)
                turns.append((home, entry))
                // What an older one can't do in time is to be seen in its measurement.
                if name == ferry.name { try await home.settle() } else { try? await home.settle() }
            }
            for _ in 0..<notebook.settings.runs {
                for (home, entry) in turns where notebook.wantsMore(entry) {
                    await attempt(entry) {
                        try await self.timeCrowd(
                            home, statuses: home.program == self.ferry.program ? [0] : [0, 5],
                            CrowdWatch.Meant("plain", 1, every: 1))
                    }
                }
            }
        }
        withExtendedLifetime(server) {}
    }

    private func make(_ home: Home, _ kind: EncryptedKeys.Kind, _ port: Int) async throws {
        try home.make()
        for device in 0..<(kind == .none ? 0 : EncryptedKeys.devices) {
            let name = "key\(device)"
            let key = "\(home.path)/keys/\(name).pem"
            if kind == .own || device == 0 {
                // The same key each time, encrypted with another salt.
                try FileManager.default.copyItem(atPath: Link.keyFile, toPath: key)
                let changed = try await Command.run(
                    "ssh-keygen",
                    [
                        "-q", "-p", "-P", "", "-N", EncryptedKeys.passphrase, "-a", "\(EncryptedKeys.rounds)", "-f",
                        key,
                    ])
                guard changed.status == 0 else { throw BenchError("ssh-keygen: \(changed.errorOutput)") }
            } else {
                try FileManager.default.copyItem(atPath: "\(home.path)/keys/key0.pem", toPath: key)
            }
            let passphrase = "\(home.path)/keys/\(name).passphrase"
            try Data("\(EncryptedKeys.passphrase)\n".utf8).write(to: URL(fileURLWithPath: passphrase))
            for file in [key, passphrase] {
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
            }
            let data = EncryptedKeys.data(device)
            try await home.add(name, port: port, data.layout, try await laboratory.source(data))
        }
        let data = EncryptedKeys.data(EncryptedKeys.devices)
        try await home.add("plain", port: port, data.layout, try await laboratory.source(data))
    }
}
