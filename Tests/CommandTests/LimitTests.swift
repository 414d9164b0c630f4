import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// The program at the limits of its own machine: disks that are full, and saves larger than memory should hold.
    @Suite struct LimitTests {
        @Test func `52 the server's disk takes no more of one save: it fails alone, and the next run does it`()
            async throws
        {
            let installation = try await Installation.withDevice()
            try installation.handheld.write(String(repeating: "big ", count: 300_000), to: "gba/Big.srm")
            let result = try await installation.runLimited(toKilobytes: 600, "sync", "pocket")
            #expect(result.status == 1, "\(result.output)\(result.errorOutput)")
            #expect(try await installation.sql("SELECT game FROM saves") == "Metroid\n")
            try await nothingIsLeft(installation)
            let next = try await installation.run("sync", "pocket")
            #expect(next.status == 0 && next.output.contains("1 pulled"), "\(next.output)\(next.errorOutput)")
            try await nothingIsLeft(installation)
        }

        @Test func `52 the database can't grow: nothing is half recorded, and the next run does it`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync", "pocket")
            for game in 1...1_000 { try installation.handheld.write("content \(game)", to: "gba/Game \(game).srm") }
            let result = try await installation.runLimited(toKilobytes: 400, "sync", "pocket")
            #expect(result.status == 1, "\(result.output)\(result.errorOutput)")
            #expect(result.errorOutput.contains("database") || result.output.contains("database"))
            try await isWhole(installation)
        }

        @Test(.enabled(if: Disk.canMount, "a disk of a given size needs root"))
        func `52 the disk of the database is full: it is named, and the next run does it`() async throws {
            let installation = try await Installation.withDevice()
            let disk = try await Disk(kilobytes: 700)
            let environment = ["SAVEFERRY_STATE_DIR": disk.path]
            _ = try await installation.run("sync", "pocket")
            for name in ["saveferry.db", "leases"] {
                try FileManager.default.copyItem(
                    atPath: installation.home("state/\(name)"), toPath: "\(disk.path)/\(name)")
            }
            for game in 1...1_000 { try installation.handheld.write("content \(game)", to: "gba/Game \(game).srm") }
            let result = try await installation.run(["sync", "pocket"], environment: environment)
            #expect(result.status == 1, "\(result.output)\(result.errorOutput)")
            #expect(result.errorOutput.contains("Make room on the server"), "\(result.errorOutput)")
            try await nothingIsLeft(installation, database: "\(disk.path)/saveferry.db")
            try await disk.resize(kilobytes: 16_384)
            let next = try await installation.run(["sync", "pocket"], environment: environment)
            #expect(next.status == 0 && next.output.contains("1000 pulled"), "\(next.errorOutput)")
            try await nothingIsLeft(installation, database: "\(disk.path)/saveferry.db")
        }

        /// The next run pulls everything, and every version is a file and every file a version.
        private func isWhole(_ installation: Installation) async throws {
            try await nothingIsLeft(installation)
            let next = try await installation.run("sync", "pocket")
            #expect(next.status == 0, "\(next.errorOutput)")
            #expect(try await installation.sql("SELECT count(*) FROM save_versions") == "1001\n")
            try await nothingIsLeft(installation)
        }

        /// Whether the library holds exactly the files that the database knows.
        private func nothingIsLeft(
            _ installation: Installation, database: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let library = installation.home("library")
            let files = (FileManager.default.subpaths(atPath: library) ?? []).filter { path in
                var isFolder: ObjCBool = false
                return FileManager.default.fileExists(atPath: "\(library)/\(path)", isDirectory: &isFolder)
                    && !isFolder.boolValue
            }
            let recorded = try await installation.sql("SELECT library_path FROM save_versions", in: database)
            #expect(
                Set(files) == Set(recorded.split(separator: "\n").map(String.init)), sourceLocation: sourceLocation)
        }

        @Test func `58 a save state as large as a disk streams through bounded memory, both ways`() async throws {
            let megabytes = isThorough ? 2_048 : 192
            let installation = try await Installation.withDevice()
            let second = try TemporaryFolder()
            for folder in [installation.handheld, second] {
                try FileManager.default.createDirectory(atPath: folder("ps2"), withIntermediateDirectories: true)
            }
            let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
            for (name, folder) in [("large", installation.handheld("ps2")), ("other", second("ps2"))] {
                let added = try await installation.run([
                    "device", "add", name, "--host", "127.0.0.1", "--port", "\(installation.server.port)", "--user",
                    OpenSSHServer.user, "--state-dir", "ps2=\(folder)", "--trust", fingerprint,
                ])
                #expect(added.status == 0, "\(added.errorOutput)")
            }
            // All but the ends is a hole, which takes no room and is read like any other zeros.
            let state = try installation.handheld.write("begin", to: "ps2/Okami.state1")
            let file = try #require(FileHandle(forWritingAtPath: state))
            try file.seek(toOffset: UInt64(megabytes << 20) - 3)
            try file.write(contentsOf: Data("end".utf8))
            try file.close()

            for device in ["large", "other"] {
                let run = try installation.start("sync", device)
                var most = 0
                var isRunning = true
                while isRunning {
                    most = max(most, peakMemory(of: run.pid))
                    isRunning = (try? await run.waitForEnd(within: 0.02)) == nil
                }
                #expect(try await run.waitForEnd() == 0, "\(device)")
                #expect(most > 0 && most < 100 << 20, "\(device): \(most >> 20) MB")
            }
            let copy = try FileManager.default.attributesOfItem(atPath: second("ps2/Okami.state1"))
            #expect(copy[.size] as? Int == megabytes << 20)
        }

        /// The most memory that a process had so far, in bytes; 0 once it has ended (proc(5), VmHWM).
        private func peakMemory(of pid: Int32) -> Int {
            let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
        }
    }
}
