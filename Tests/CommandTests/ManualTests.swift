import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// Manual pages, completions and the example settings.
    @Suite struct ManualTests {
        private let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path

        @Test func `the manual shows every command with its options, and groff has nothing to say against it`()
            async throws
        {
            let folder = try TemporaryFolder()
            let manual = try await Command.run(Installation.program, ["manual"])
            #expect(manual.status == 0, "\(manual.errorOutput)")
            let page = try await formatted(try folder.write(manual.output, to: "saveferry.1"))
            for words in [
                "saveferry device add", "--platform-dirs", "saveferry conflicts resolve", "--keep SIDE",
                "saveferry device edit pocket --schedule \"*/10 8-23 * * *\"", "8 another", "SHA256:…",
            ] {
                #expect(page.contains(words), "\(words) is missing in \(page)")
            }
            #expect(!page.contains("saveferry manual"))
        }

        @Test func `the settings page and the example settings know every key`() async throws {
            let page = try await formatted("\(repository)/Packaging/saveferry.yaml.5")
            let example = try String(contentsOfFile: "\(repository)/Packaging/saveferry.yaml", encoding: .utf8)
            let refused = try await Command.run(
                Installation.program, ["status", "--config", "/dev/stdin"], input: "unknown: 1\n")
            let known = try #require(refused.errorOutput.split(separator: "expected one of ").last)
            let keys = known.split { ", \n".contains($0) }.map(String.init)
            #expect(keys.contains("state_dir"))
            for key in keys {
                #expect(page.contains(key), "\(key) is missing in saveferry.yaml.5")
                #expect(
                    example.contains("#\(key): ") || example.contains("\n\(key): "), "\(key) is missing in the example")
            }
            // The example can be used as it is, and also with everything in it put in force.
            let installation = try await Installation()
            for text in [example, example.replacing(/\n#([a-z_]+: )/) { "\n\($0.1)" }] {
                try installation.home.write(text, to: "saveferry.yaml")
                let result = try await installation.run(
                    ["status"],
                    environment: [
                        "SAVEFERRY_STATE_DIR": installation.home("s"), "SAVEFERRY_LIBRARY_DIR": installation.home("l"),
                    ])
                #expect(result.status == 0, "\(result.errorOutput)")
            }
        }

        @Test func `bash completes commands, options and the names of devices`() async throws {
            let installation = try await Installation.withDevice()
            let script = try await installation.home.write(
                Command.run(Installation.program, ["--generate-completion-script", "bash"]).output,
                to: "completion.bash")
            func completions(_ words: String...) async throws -> [String] {
                let line = """
                    PATH=\(URL(fileURLWithPath: Installation.program).deletingLastPathComponent().path):$PATH
                    source \(script)
                    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
                    _saveferry "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2> /dev/null
                    printf '%s\\n' "${COMPREPLY[@]}"
                    """
                let result = try await Command.run(
                    "bash", ["-c", line, "bash"] + words, environment: ["SAVEFERRY_HOME": installation.home.path])
                return result.output.split { "\n ".contains($0) }.map(String.init)
            }
            #expect(try await completions("saveferry", "conf").contains("conflicts"))
            #expect(try await completions("saveferry", "sync", "--dry").contains("--dry-run"))
            #expect(try await completions("saveferry", "sync", "").contains("pocket"))
            #expect(try await completions("saveferry", "device", "show", "po").contains("pocket"))
        }

        @Test(arguments: ["bash", "zsh", "fish"])
        func `a completion script is there for each shell`(_ shell: String) async throws {
            let result = try await Command.run(Installation.program, ["--generate-completion-script", shell])
            #expect(result.status == 0 && result.output.contains("saveferry"))
        }

        /// The page as a reader sees it. Fails with what groff warns of.
        private func formatted(_ path: String) async throws -> String {
            let result = try await Command.run(
                "groff", ["-man", "-Tutf8", "-ww", "-rLL=200n", "-P-c", "-P-b", "-P-u", path])
            #expect(result.status == 0 && result.errorOutput.isEmpty, "\(result.errorOutput)")
            return result.output
        }
    }
}
