import Foundation

/// What a process takes from the system at one moment (proc(5)).
struct Sample: Codable, Sendable {
    /// Seconds since the soak began.
    var at: Double
    /// Bytes in memory, and those of them that no file stands behind: the program's pages are shared with whoever else runs it,
    /// which makes its proportional share rise and fall with them.
    var resident: Int
    var anonymous: Int
    var descriptors: Int
    var threads: Int
    var cpuSeconds: Double
}

extension Sample {
    /// Of a process that lives; nil of another one.
    init?(of process: Int32, at time: Double) {
        func lines(_ file: String) -> [Substring] {
            (try? String(contentsOfFile: "/proc/\(process)/\(file)", encoding: .utf8))?.split(separator: "\n") ?? []
        }
        func number(_ name: String, in lines: [Substring]) -> Int? {
            lines.first { $0.hasPrefix(name + ":") }.flatMap { Int($0.filter(\.isNumber)) }
        }
        let status = lines("status")
        guard let resident = number("VmRSS", in: status), let threads = number("Threads", in: status),
            let anonymous = number("Anonymous", in: lines("smaps_rollup")),
            let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd"),
            // Fields 14 and 15, counted behind the name, which may have spaces in it.
            let times = lines("stat").first?.split(separator: ")").last?.split(separator: " "), times.count > 12,
            let user = Double(times[11]), let system = Double(times[12])
        else { return nil }
        self.init(
            at: time, resident: resident << 10, anonymous: anonymous << 10, descriptors: open.count, threads: threads,
            cpuSeconds: (user + system) / Double(sysconf(Int32(_SC_CLK_TCK))))
    }
}
