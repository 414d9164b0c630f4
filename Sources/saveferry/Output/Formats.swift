import Foundation

/// How numbers and times are shown to people.
enum Formats {
    /// For example `512 B`, `32.0 KiB`, `1.4 GiB`.
    static func size(_ bytes: UInt64) -> String {
        guard bytes >= 1_024 else { return "\(bytes) B" }
        var value = Double(bytes)
        var unit = "B"
        for next in ["KiB", "MiB", "GiB", "TiB"] where value >= 1_024 {
            value /= 1_024
            unit = next
        }
        return String(format: "%.1f", value) + " " + unit
    }

    /// RFC 3339 in UTC.
    static func time(_ date: Date) -> String { date.formatted(.iso8601) }

    /// RFC 3339 in UTC, or a dash.
    static func time(_ date: Date?) -> String { date.map { time($0) } ?? "-" }

    /// `1 save`, `2 saves`.
    static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
