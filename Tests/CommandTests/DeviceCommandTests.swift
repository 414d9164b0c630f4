import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// Devices by options and by file: both say the same, and are refused with the same reasons.
    @Suite struct DeviceCommandTests {
        /// A home without any server.
        private let home: TemporaryFolder

        init() throws { home = try TemporaryFolder() }

        /// Runs `saveferry device ARGUMENTS` in the folder `work` of the home.
        private func device(_ arguments: [String], input: String = "") async throws -> Command {
            try FileManager.default.createDirectory(atPath: home("work"), withIntermediateDirectories: true)
            return try await Command.run(
                "env", ["-C", home("work"), Installation.program, "device"] + arguments + ["--home", home.path],
                environment: ["HOME": "/home/anna"], input: input)
        }

        private func device(_ arguments: String...) async throws -> Command { try await device(arguments) }

        private static let first = """
            devices:
            - name: pocket
              host: pocket.lan
              directories:
              - path: /roms/gba
                platform: gba
            """

        /// What follows the first device, and what is said of it.
        private static let wrong: [(String, String)] = [
            ("- host: deck.lan", "7: name: missing; expected a value"),
            ("- name: deck", "7: host: missing; expected a value"),
            (
                "- name: my deck\n  host: h\n  directories: [{path: /s}]",
                "7: name: \"my deck\" can't be a device's name"
            ),
            ("- name: deck\n  host: deck lan\n  directories: [{path: /s}]", "8: host: deck has no host"),
            ("- name: pocket\n  host: h\n  directories: [{path: /s}]", "7: name: pocket is in the file twice"),
            (
                "- name: deck\n  host: h\n  port: 22x",
                "9: port: \"22x\" can't be used; expected a number from 1 to 65535"
            ),
            ("- name: deck\n  host: h\n  port: 0", "9: port: \"0\" can't be used; expected a number from 1 to 65535"),
            ("- name: deck\n  host: h\n  port: [22]", "9: port: expected a single value"),
            ("- name: deck\n  host: h\n  host: i", "8: given twice: host"),
            (
                "- name: deck\n  host: h\n  enabled: maybe",
                "9: enabled: \"maybe\" can't be used; expected true or false"
            ),
            ("- name: deck\n  host: h\n  agent: true\n  key_file: k", "9: agent: give only one of a key file, a"),
            ("- name: deck\n  host: h\n  key_file: ''", "9: key_file: \"\" can't be used; expected the path of a file"),
            ("- name: deck\n  host: h\n  conflicts: new", "9: conflicts: \"new\" can't be used; expected ask, newest"),
            (
                "- name: deck\n  host: h\n  deletions: x",
                "9: deletions: \"x\" can't be used; expected hold or propagate"
            ),
            ("- name: deck\n  host: h\n  schedule: x", "9: schedule: \"x\" is not a schedule; expected an interval"),
            ("- name: deck\n  host: h", "7: directories: expected a list of save directories"),
            ("- name: deck\n  host: h\n  directories: []", "9: directories: deck has no save directory"),
            ("- name: deck\n  host: h\n  directories: [/s]", "9: expected keys and values"),
            ("- name: deck\n  host: h\n  directories:\n  - kind: save", "10: path: missing; expected a value"),
            (
                "- name: deck\n  host: h\n  directories: [{path: /s}, {path: /s/}]",
                "9: directories: deck names a directory"
            ),
            (
                "- name: deck\n  host: h\n  directories:\n  - path: /s\n    layout: x",
                "11: layout: \"x\" can't be used;"
            ),
            (
                "- name: deck\n  host: h\n  directories:\n  - path: /s\n    extensions: []",
                "11: extensions: the list is empty, so that no file would be a save; leave it out"
            ),
            (
                "- name: deck\n  host: h\n  directories:\n  - path: /s\n    extensions: [srm, '*.sav']",
                "11: extensions: \"*.sav\" can't be used; expected an extension such as srm"
            ),
            (
                "- name: deck\n  host: h\n  directories:\n  - path: /s\n    extensions: srm",
                "11: extensions: expected a list of extensions, such as [srm, sav]"
            ),
            (
                "- name: deck\n  host: h\n  directories:\n  - path: /s\n    layout: folders\n    extensions: [srm]",
                "12: extensions: a folder is a save with all that is in it; expected none here"
            ),
            (
                "- name: deck\n  host: h\n  directories: [{path: /s, knd: save}]",
                "9: unknown key \"knd\"; expected one of"
            ),
            (
                "- name: deck\n  host: h\n  directories: [{path: /s}]\n  host_keys:\n  - fingerprint: SHA256:short",
                "11: fingerprint: \"SHA256:short\" is not a host key fingerprint"
            ),
            (
                "- name: deck\n  host: h\n  directories: [{path: /s}]\n  host_keys: [{fingerprnt: x}]",
                "10: unknown key \"fingerprnt\"; expected one of algorithm, fingerprint"
            ),
            (
                "- name: deck\n  host: h\n  owner: DEFAULT\n  directories: [{path: /s}]",
                "9: owner: the owner DEFAULT is already written default"
            ),
        ]

        @Test func `a device file is applied whole or not at all, and every mistake is told by line and key`()
            async throws
        {
            for (text, message) in Self.wrong {
                let file = try home.write("\(Self.first)\n\(text)\n", to: "devices.yaml")
                let refused = try await device("apply", file)
                #expect(refused.status == 2 && refused.output.isEmpty, "\(text)")
                #expect(refused.errorOutput.contains("\(file):\(message)"), "\(refused.errorOutput)")
            }
            #expect(try await device("list").output == "No devices yet. Add one with `saveferry device add`.\n")
        }

        @Test func `options and a device file say the same`() async throws {
            let added = try await device(
                "add", "pocket", "--host", "pocket.lan", "--port", "8022", "--user", "u0_a1", "--key", "keys/pocket",
                "--owner", "anna", "--conflicts", "newest", "--deletions", "propagate", "--schedule", "15m", "--dir",
                "gba=/roms/gba//", "--state-dir", "gba=/states/", "--folder-dir", "psp=/psp", "--platform-dirs",
                "/all/",
                "--ext", " .SRM,sav, srm", "--no-new")
            #expect(added.status == 0, "\(added.errorOutput)")
            let byOptions = try await device("export").output
            #expect(try await device("remove", "pocket").status == 0)
            let text = """
                devices:
                - name: pocket
                  host: pocket.lan
                  port: "8022"
                  user: u0_a1
                  key_file: keys/pocket
                  owner: anna
                  conflicts: newest
                  deletions: propagate
                  schedule: 15m
                  host_keys:
                  directories:
                  - {path: /roms/gba//, platform: gba, extensions: [.SRM, sav, srm], accepts_new: no}
                  - {path: /states/, platform: gba, kind: state, accepts_new: no}
                  - {path: /psp, platform: psp, layout: folders, accepts_new: no}
                  - {path: /all/, extensions: [srm, ' Sav '], accepts_new: false}
                """
            // Relative to the file where there is one, else to where the command is run.
            let applied = try await device(["apply", "-"], input: text)
            #expect(applied.output == "Added pocket.\n", "\(applied.errorOutput)")
            #expect(try await device("export").output == byOptions)
            #expect(byOptions.contains("key_file: \(home("work"))/keys/pocket\n"))
            let file = try home.write(text, to: "files/devices.yaml")
            #expect(try await device("apply", file).output == "Changed pocket.\n")
            #expect(try await device("export").output.contains("key_file: \(home("files"))/keys/pocket\n"))
            let tilde = text.replacing("key_file: keys", with: "password_file: ~")
            #expect(try await device(["apply", "-"], input: tilde).output == "Changed pocket.\n")
            #expect(try await device("export").output.contains("password_file: /home/anna/pocket\n"))
            // What is printed is taken again.
            let exported = try await device("export").output
            #expect(try await device(["apply", "-"], input: exported).output == "Changed pocket.\n")
            #expect(try await device("export").output == exported)
        }

        private static let wrongOptions: [([String], String)] = [
            (["--dir", "gba=/g", "--port", "22x"], "--port: \"22x\" can't be used; expected a number from 1 to 65535"),
            (["--dir", "gba=/g", "--ext", ","], "--ext: the list is empty, so that no file would be a save"),
            (
                ["--dir", "gba=/g", "--ext", "srm,[sav]"],
                "--ext: \"[sav]\" can't be used; expected an extension such as"
            ),
            (
                ["--dir", "gba=/g", "--agent", "--key", "k"],
                "--agent: give only one of a key file, a password file and"
            ),
            (
                ["--state-dir", "gba=/g", "--ext", "srm"],
                "--ext: none of the directories holds saves that are single files"
            ),
            (["--folder-dir", "psp=/g", "--ext", "srm"], "--ext: none of the directories holds saves that are single"),
            (["--dir", "=/g"], "--dir: \"=/g\" can't be used; expected PLATFORM=PATH, for example gba=/roms/gba"),
        ]

        @Test func `options that can't be used are refused by their names`() async throws {
            for (options, message) in Self.wrongOptions {
                let refused = try await device(["add", "pocket", "--host", "h"] + options)
                #expect(refused.status == 2 && refused.output.isEmpty)
                #expect(refused.errorOutput.contains(message), "\(refused.errorOutput)")
            }
        }

        @Test func `an edit leaves states alone, keeps what was set of a directory, and names what it removes`()
            async throws
        {
            let added = try await device(
                "add", "pocket", "--host", "h", "--dir", "gba=/gba", "--state-dir", "gba=/states", "--folder-dir",
                "psp=/psp", "--platform-dirs", "/all")
            #expect(added.status == 0, "\(added.errorOutput)")
            #expect(try await device("edit", "pocket", "--ext", "sav").output == "Changed pocket.\n")
            func extensions() async throws -> [String: [String]?] {
                let shown = try await device("show", "pocket", "--json").output
                let document = try JSONSerialization.jsonObject(with: Data(shown.utf8)) as? [String: [[String: Any]]]
                let directories = try #require(document?["devices"]?.first?["directories"] as? [[String: Any]])
                return Dictionary(
                    uniqueKeysWithValues: directories.map { ("\($0["path"] ?? "")", $0["extensions"] as? [String]) })
            }
            #expect(try await extensions() == ["/gba": ["sav"], "/states": nil, "/psp": nil, "/all": ["sav"]])
            let edited = try await device("edit", "pocket", "--dir", "gba=/gba", "--dir", "snes=/snes")
            #expect(
                edited.output == """
                    Changed pocket.
                    No longer synced: gba states in /states. They stay there and in the library.
                    No longer synced: psp saves in /psp. They stay there and in the library.
                    No longer synced: saves in the folders of /all. They stay there and in the library.

                    """)
            #expect(try await extensions() == ["/gba": ["sav"], "/snes": nil])
            let renamed = try await device("edit", "pocket", "--dir", "gba=/gba", "--dir", "nes=/snes")
            #expect(
                renamed.output == """
                    Changed pocket.
                    No longer synced: snes saves in /snes. They stay there and in the library.

                    """)
            let key = "SHA256:" + String(repeating: "A", count: 43)
            let text = Self.first + "\n  host_keys: [{fingerprint: '\(key)'}]"
            let trusted = try await device(["apply", "-"], input: text)
            #expect(
                trusted.output.hasPrefix("Changed pocket.\nNo longer synced: gba saves in /gba."),
                "\(trusted.output)\(trusted.errorOutput)")
            let forgotten = try await device(["apply", "-"], input: Self.first + "\n  host_keys: []")
            #expect(forgotten.output == "Changed pocket.\nNo longer trusted: the host key \(key).\n")
        }
    }
}
