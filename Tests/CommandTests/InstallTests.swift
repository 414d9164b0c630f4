import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// `make install` and `make uninstall`, into a folder of their own.
    @Suite struct InstallTests {
        private let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        private let destination: TemporaryFolder

        init() throws { destination = try TemporaryFolder() }

        private let user: Set = [
            "usr/bin/saveferry", "usr/share/man/man1/saveferry.1", "usr/share/man/man5/saveferry.yaml.5",
            "usr/share/bash-completion/completions/saveferry", "usr/share/zsh/site-functions/_saveferry",
            "usr/share/fish/vendor_completions.d/saveferry.fish", "usr/share/systemd/user/saveferry.service",
        ]
        private let system: Set = ["usr/lib/systemd/system/saveferry.service", "usr/lib/sysusers.d/saveferry.conf"]
        private let settings = "etc/saveferry/saveferry.yaml"

        @Test func `install puts everything in its place, and uninstall takes exactly that away`() async throws {
            try await make("install")
            #expect(files == user.union(system).union([settings]))
            let unit = String(
                decoding: try #require(destination.read("usr/lib/systemd/system/saveferry.service")), as: UTF8.self)
            #expect(unit.contains("ExecStart=/usr/bin/saveferry serve"))
            let installed = try await Command.run(destination("usr/bin/saveferry"), ["--version"])
            #expect(installed.status == 0, "\(installed.errorOutput)")
            for file in user.subtracting(["usr/bin/saveferry"]) {
                #expect(destination.read(file)?.isEmpty == false, "\(file) is empty")
            }
            // What is the user's stays through another installation, and through the end.
            try destination.write("schedule: 1h\n", to: settings)
            try destination.write("x", to: "var/lib/saveferry/state/saveferry.db")
            try await make("install")
            #expect(destination.read(settings) == Array("schedule: 1h\n".utf8))
            try await make("uninstall")
            #expect(files == [settings, "var/lib/saveferry/state/saveferry.db"])
        }

        @Test func `the service reads the settings that were installed, wherever they are`() async throws {
            try await make("install", more: ["SYSCONFDIR=/usr/local/etc"])
            let unit = String(
                decoding: try #require(destination.read("usr/lib/systemd/system/saveferry.service")), as: UTF8.self)
            #expect(unit.contains("--config /usr/local/etc/saveferry/saveferry.yaml\n") && !unit.contains("dir@"))
            #expect(files.contains("usr/local/etc/saveferry/saveferry.yaml"))
        }

        @Test func `without root the program, its pages and a user's unit are installed`() async throws {
            try await make("install-user")
            #expect(files == user)
            try await make("uninstall-user")
            #expect(files.isEmpty)
        }

        @Test func `without a program there is nothing to install, and that is said`() async throws {
            let result = try await run("install", program: "/nowhere/saveferry")
            #expect(result.status != 0 && result.errorOutput.contains("make release"), "\(result.errorOutput)")
            #expect(files.isEmpty)
        }

        private func make(_ target: String, more: [String] = []) async throws {
            let result = try await run(target, program: Installation.program, more: more)
            try #require(result.status == 0, "\(result.output)\(result.errorOutput)")
        }

        private func run(_ target: String, program: String, more: [String] = []) async throws -> Command {
            try await Command.run(
                "make",
                [
                    "-C", repository, "--no-print-directory", target, "DESTDIR=\(destination.path)", "PREFIX=/usr",
                    "PROGRAM=\(program)",
                ] + more)
        }

        private var files: Set<String> {
            Set(
                (FileManager.default.subpaths(atPath: destination.path) ?? []).filter { path in
                    var isFolder: ObjCBool = false
                    return FileManager.default.fileExists(atPath: destination(path), isDirectory: &isFolder)
                        && !isFolder.boolValue
                })
        }
    }
}
