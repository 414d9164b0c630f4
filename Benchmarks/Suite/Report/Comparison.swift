import TestSupport

/// An older report beside a newer one.
struct Comparison {
    struct Row {
        let title: String
        let old: Double
        let new: Double

        var ratio: Double { new / old }
        var isSlower: Bool { ratio > 1.10 }
    }

    /// What both measured, in the newer one's order.
    let rows: [Row]

    init(old: Report, new: Report) {
        let before = Dictionary(old.measurements.map { ($0.key, $0) }) { first, _ in first }
        rows = new.measurements.compactMap { measurement in
            guard let wall = measurement.wall, let then = before[measurement.key]?.wall else { return nil }
            let key = measurement.key
            return Row(
                title: "\(measurement.title), \(key.roundTripMilliseconds) ms, \(key.peer)", old: then, new: wall)
        }
    }

    /// A table, and how many rows got slower by more than 10 %.
    var text: String {
        var table = MarkdownTable(["measured", "old", "new", "new / old", ""])
        for row in rows {
            table.add([
                row.title, Format.seconds(row.old), Format.seconds(row.new), Format.ratio(row.ratio),
                row.isSlower ? "SLOWER" : "",
            ])
        }
        let slower = rows.filter(\.isSlower).count
        return "\(table.text)\n\n\(slower) of \(rows.count) are slower by more than 10 %.\n"
    }
}
