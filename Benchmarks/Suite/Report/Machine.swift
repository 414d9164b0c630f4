import CLibSSH2
import Foundation
import TestSupport

/// Where the suite ran.
struct Machine: Codable, Sendable {
    let cores: Int
    let processor: String
    let memoryBytes: Int
    let system: String
    let kernel: String
    /// Of the folder in which everything happens.
    let fileSystem: String
    /// The one in use, which SaveFerry and the SFTP loop share.
    let libssh2: String
    /// The two servers, as they name themselves.
    let servers: [String]
    /// What else ran when it began: the load average of the last minute (proc(5)).
    let load: Double

    static func current() async throws -> Machine {
        let folder = try TemporaryFolder()
        let fileSystem = try await Command.run("findmnt", ["-n", "-o", "FSTYPE", "-T", folder.path]).output
        return Machine(
            cores: ProcessInfo.processInfo.activeProcessorCount,
            processor: field("model name", of: "/proc/cpuinfo", after: ":") ?? "unknown",
            memoryBytes: Int(ProcessInfo.processInfo.physicalMemory),
            system: field("PRETTY_NAME", of: "/etc/os-release", after: "=") ?? "unknown",
            kernel: try await Command.run("uname", ["-sr"]).output.trimmingCharacters(in: .whitespacesAndNewlines),
            fileSystem: fileSystem.trimmingCharacters(in: .whitespacesAndNewlines),
            libssh2: libssh2_version(0).map { String(cString: $0) } ?? "unknown",
            servers: [try await version("ssh"), try await version("/usr/sbin/dropbear")],
            load: text("/proc/loadavg").split(separator: " ").first.flatMap { Double($0) } ?? 0)
    }

    /// One line for the table.
    var line: String {
        "\(cores) cores (\(processor)), \(Format.size(memoryBytes)), \(system), \(kernel), \(fileSystem), "
            + "libssh2 \(libssh2), \(servers.joined(separator: ", ")), load \(String(format: "%.2f", load)) at the beginning"
    }

    /// What a program answers to `-V`; both print it to standard error.
    private static func version(_ program: String) async throws -> String {
        let answer = try await Command.run(program, ["-V"])
        return answer.status == 0
            ? answer.errorOutput.trimmingCharacters(in: .whitespacesAndNewlines) : "\(program) is missing"
    }

    private static func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    private static func field(_ name: String, of path: String, after separator: Character) -> String? {
        text(path).split(separator: "\n").first { $0.hasPrefix(name) }?
            .split(separator: separator, maxSplits: 1).last?
            .trimmingCharacters(in: CharacterSet(charactersIn: " \"\t"))
    }
}
