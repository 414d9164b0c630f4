import Foundation

/// Numbers as people read them.
enum Format {
    /// `10,000`
    static func count(_ number: Int) -> String {
        var text = ""
        for (offset, digit) in String(number).reversed().enumerated() {
            if offset > 0, offset % 3 == 0 { text = "," + text }
            text = String(digit) + text
        }
        return text
    }

    /// `8 KiB`, for whole numbers of a unit; `31.6 MiB` otherwise.
    static func size(_ bytes: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        let isWhole = value == value.rounded() || value >= 100 || unit == 0
        return String(format: isWhole ? "%.0f" : "%.1f", value) + " " + units[unit]
    }

    /// `0.57 s`, `12 s`, `25 ms`
    static func seconds(_ seconds: Double) -> String {
        if seconds < 0.1 { return String(format: "%.0f ms", seconds * 1000) }
        return String(format: seconds < 9.995 ? "%.2f s" : seconds < 99.95 ? "%.1f s" : "%.0f s", seconds)
    }

    static func ratio(_ ratio: Double) -> String { String(format: "%.2f", ratio) }
}
