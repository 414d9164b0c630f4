/// A table in Markdown, which also reads well as it is.
public struct MarkdownTable {
    private let titles: [String]
    private var rows: [[String]] = []

    /// An empty one with these columns.
    public init(_ titles: [String]) { self.titles = titles }

    /// Adds a row, a cell a column.
    public mutating func add(_ cells: [String]) { rows.append(cells) }

    /// Its lines, padded so that the columns stand under each other, without a line break at the end.
    public var text: String {
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
