import Foundation
import Planner
import SSHClient
import Store

extension Orchestrator {
    /// Checks what does not depend on a device.
    public func examineServer() -> [Finding] {
        var findings = [Finding.fine("state directory", store.stateDirectory)]
        let root = store.library.root
        findings.append(
            FileManager.default.isWritableFile(atPath: root)
                ? .fine("library", root)
                : .failed(
                    "library",
                    DeviceFailure(code: .other, message: "\(root) is not writable", advice: "Check its owner and mode.")
                ))
        findings.append(
            SSHLibrary.supportsRSA
                ? .fine("libssh2", SSHLibrary.version)
                : .warning("libssh2", "\(SSHLibrary.version): RSA keys do not work with it", "Use ed25519 keys."))
        return findings
    }

    /// Checks a device from the outside in: credentials, port, host key, login, SFTP, each directory. Stops where
    /// nothing more can be learnt, so that each fault is told once. Writes to the device only with `writeTest`.
    public func examine(_ device: Device, writeTest: Bool) async -> [Finding] {
        await keys.keeping { await examineInOrder(device, writeTest: writeTest) }
    }

    private func examineInOrder(_ device: Device, writeTest: Bool) async -> [Finding] {
        var findings: [Finding] = []
        do {
            _ = try await settings.credentials(for: device, keys: keys)
            findings.append(.fine("credentials", "found"))
        } catch {
            findings.append(.failed("credentials", error))
        }
        let answer = Finding.fine("name and port", "\(device.settings.host) port \(device.settings.port) answers")
        do {
            let offered = try await SSHConnection.probeHostKeys(
                of: device.endpoint, deadlines: settings.deadlines, logger: logger)
            findings += [answer, hostKey(offered.keys, of: device), algorithms(offered.algorithms)]
        } catch  where error.code == .noCommonAlgorithm {
            return findings + [answer, .failed("algorithms", error)]
        } catch {
            return findings + [.failed("name and port", error)]
        }
        // Without credentials, or with another host key, a login would fail for what was just said.
        guard findings.allSatisfy({ $0.result != .failed }) else { return findings }
        do {
            return findings + (try await withConnection(to: device) { await examine(device, over: $0, writeTest) })
        } catch {
            return findings + [.failed("login", error)]
        }
    }

    private func examine(_ device: Device, over connection: SSHConnection, _ writeTest: Bool) async -> [Finding] {
        var findings = [Finding.fine("login", "\(device.settings.user) at \(connection.serverBanner)")]
        do {
            let sftp = try await connection.openSFTP()
            findings += extensions(sftp.capabilities)
            for directory in device.directories {
                findings += await examine(directory, sftp, writeTest)
            }
        } catch {
            return findings + [.failed("SFTP", error)]
        }
        // The last, because some servers end the connection over a command.
        return findings + [await commands(of: device, over: connection)]
    }

    private func hostKey(_ offered: [HostKey], of device: Device) -> Finding {
        let shown = offered.map { "\($0.algorithm) \($0.fingerprint)" }.joined(separator: ", ")
        if device.pins.contains(where: { pin in offered.contains(where: pin.matches) }) {
            return .fine("host key", "is the pinned one")
        }
        let pinned = device.pins.map { "\($0.algorithm.map { $0 + " " } ?? "")\($0.fingerprint)" }.joined(
            separator: ", ")
        let fault =
            if device.pins.isEmpty {
                "not trusted yet; offered: \(shown)"
            } else if device.pins.contains(where: \.isUsable) {
                "changed; offered: \(shown); pinned: \(pinned)"
            } else {
                "the pinned one is of a kind that libssh2 \(SSHLibrary.version) can't use; offered: \(shown); "
                    + "pinned: \(pinned)"
            }
        return .failed(
            "host key",
            DeviceFailure(
                code: .hostKey, message: fault,
                advice: "Compare with the device, then run `saveferry device trust \(device.settings.name)`."))
    }

    private func algorithms(_ agreed: AgreedAlgorithms) -> Finding {
        let names = agreed.names.joined(separator: ", ")
        return agreed.old.isEmpty
            ? .fine("algorithms", names)
            : .warning(
                "algorithms", "\(names); old: \(agreed.old.joined(separator: ", "))",
                "They are safe to use as SSH does. A newer SSH server on the device has better ones.")
    }

    private func extensions(_ capabilities: Capabilities) -> [Finding] {
        var findings = [Finding.fine("SFTP", capabilities.extensions.joined(separator: ", "))]
        if !capabilities.atomicReplace {
            findings.append(
                .warning(
                    "atomic replace", "not offered; saves are swapped by way of a backup name, repaired if interrupted")
            )
        }
        if !capabilities.fsync {
            findings.append(
                .warning("fsync", "not offered; a power loss right after a sync may cost the new content on the card"))
        }
        return findings
    }

    /// Whether the device runs commands, and by one of them the difference to its clock. Only for information: contents decide, not
    /// clocks, and files that can't be hashed by the device are read.
    private func commands(of device: Device, over connection: SSHConnection) async -> Finding {
        guard device.settings.runsCommands else {
            return .fine("clock", "not checked: no commands are to be run on \(device.settings.name)")
        }
        let limit = settings.deadlines.command
        let result: CommandResult
        do {
            result = try await connection.execute("date +%s", maxOutput: 4 << 10, silence: limit, limit: limit * 2)
        } catch  where error.code == .disconnected {
            return .warning(
                "clock", "not checked: the device ends the connection when it is to run a command",
                "Saves sync all the same; to spare it the attempt: "
                    + "saveferry device edit \(device.settings.name) --no-commands")
        } catch  where error.code == .unsupported {
            return .warning("clock", "not checked: the device runs no commands")
        } catch {
            return .warning("clock", "not checked: \(error.what)")
        }
        guard result.status == 0,
            let theirs = Int64(
                String(decoding: result.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        else { return .warning("clock", "not checked: the device runs no commands") }
        let difference = theirs - Int64(clock.now().timeIntervalSince1970)
        return abs(difference) < 120
            ? .fine("clock", "right to within \(abs(difference)) s")
            : .warning("clock", "off by \(difference) s", "Saves sync all the same; only the shown times are wrong.")
    }

    private func examine(_ directory: SaveDirectory, _ sftp: SFTPClient, _ writeTest: Bool) async -> [Finding] {
        let check = "directory \(FileName.escaped(directory.path))"
        var findings: [Finding] = []
        do {
            let found = try await RemoteLister(sftp: sftp).list([directory])
            switch found.first?.listing.state {
            case .listed:
                let nothing = SyncScopeIndex(owner: "", saves: [], baselines: [], directories: [])
                let saves = Pairing(listings: found.map(\.listing), scope: nothing).count
                findings.append(
                    saves > 0
                        ? .fine(check, saves == 1 ? "1 save" : "\(saves) saves")
                        : .warning(
                            check, "no saves in it",
                            "Check the path and the extensions: \(directory.extensions.joined(separator: ","))."))
            case .unreadable(let reason):
                return [
                    .failed(
                        check,
                        DeviceFailure(code: .other, message: reason, advice: "Check its owner and mode on the device."))
                ]
            case .missing, nil:
                return [
                    .failed(
                        check,
                        DeviceFailure(
                            code: .other, message: "does not exist", advice: "Check the path, and that the card is in.")
                    )
                ]
            }
            findings += await space(in: directory, "\(check): space", sftp)
            if writeTest { findings.append(try await writing(to: directory, check, sftp)) }
        } catch {
            findings.append(.failed(check, error))
        }
        return findings
    }

    /// Nothing where the server does not offer to tell, and no failure where it offers and then does not.
    private func space(in directory: SaveDirectory, _ check: String, _ sftp: SFTPClient) async -> [Finding] {
        do {
            guard let room = try await sftp.freeSpace(at: directory.remotePath) else {
                return sftp.capabilities.statvfs
                    ? [.warning(check, "not checked: the server offers it, and can't tell")] : []
            }
            let free = "\(room.freeBytes / 1_048_576) MiB free"
            if room.isReadOnly {
                return [
                    .failed(
                        check, DeviceFailure(code: .other, message: "mounted read-only", advice: "Check the card."))
                ]
            }
            return [
                room.freeBytes < 16 << 20
                    ? .warning(check, free, "Make room on the device.") : .fine(check, free)
            ]
        } catch {
            return [.warning(check, "not checked: \(error.what)")]
        }
    }

    private func writing(to directory: SaveDirectory, _ check: String, _ sftp: SFTPClient) async throws -> Finding {
        let folder = directory.remotePath
        let before = try? await sftp.attributes(of: folder).modified
        let written = try await writeTestFile(in: folder, sftp)
        if let before, before != 0, try await keepsTime(before, of: folder, whereWritten: written, sftp) {
            return .warning(
                "\(check): writing",
                "a file was written, renamed and removed, and the directory's time did not move: the server lists from a cache",
                "What a game writes is seen only when the cache is renewed. For rclone, set --dir-cache-time 1s, which doctor can't "
                    + "see and still warns of; or use OpenSSH's sftp-server.")
        }
        return .fine("\(check): writing", "a file was written, renamed and removed")
    }

    /// Writes, renames and removes a file. Returns its time by the device's clock, in seconds since 1970.
    private func writeTestFile(in folder: RemotePath, _ sftp: SFTPClient) async throws -> Int64 {
        let file = folder.appending(Leftover.temporaryName())
        let content = Array("SaveFerry was here to test writing.".utf8)
        let given = OneChunk(content)
        let stands = try await sftp.replace(
            file, size: UInt64(content.count), modified: nil, source: { _ in await given.take() }, beforeSwap: {})
        try await sftp.remove(file)
        return stands.modified
    }

    /// Whether a directory is still shown with the time `before` although a file was put into it at the time `written`, which moves
    /// its time, on FAT to within two seconds.
    private func keepsTime(
        _ before: Int64, of folder: RemotePath, whereWritten written: Int64, _ sftp: SFTPClient
    ) async throws -> Bool {
        guard try await sftp.attributes(of: folder).modified == before else { return false }
        if abs(written - before) > 2 { return true }
        // Something else was put there just before, so that its time had no reason to move. In three seconds it has.
        try await Task.sleep(for: .seconds(3))
        let written = try await writeTestFile(in: folder, sftp)
        return try await sftp.attributes(of: folder).modified == before && abs(written - before) > 2
    }
}

/// Gives its bytes once.
private actor OneChunk {
    private var bytes: [UInt8]?

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func take() -> [UInt8]? {
        defer { bytes = nil }
        return bytes
    }
}
