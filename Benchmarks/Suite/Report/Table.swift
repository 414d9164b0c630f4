/// A table in Markdown, which also reads well as it is.
struct Table {
    let titles: [String]
    private(set) var rows: [[String]] = []

    init(_ titles: [String]) { self.titles = titles }

    mutating func add(_ cells: [String]) { rows.append(cells) }

    var text: String {
        let all = [titles] + rows.map { $0.map { $0.replacing("|", with: "\\|") } }
        let widths = titles.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        var lines = all.map { row in
            "| " + zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: " | ")
                + " |"
        }
        lines.insert("|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|", at: 1)
        return lines.joined(separator: "\n")
    }
}
