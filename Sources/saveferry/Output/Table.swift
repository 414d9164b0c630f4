import Planner

/// Lines with aligned columns for people. Everything in it is made safe to print.
struct Table {
    enum Alignment { case left, right }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    init(_ columns: (String, Alignment)...) {
        self.columns = columns.map { (title: $0.0, alignment: $0.1) }
    }

    mutating func add(_ cells: String...) { rows.append(cells.map { FileName.escaped($0) }) }

    var isEmpty: Bool { rows.isEmpty }

    /// The table with a header line, without an end of line after the last.
    var text: String {
        let all = [columns.map(\.title)] + rows
        let measured = all.map { row in row.map(Table.width) }
        let widths = columns.indices.map { column in measured.map { $0[column] }.max() ?? 0 }
        var text = ""
        for (row, own) in zip(all, measured) {
            if !text.isEmpty { text += "\n" }
            // No spaces at the end of a line.
            let last = row.lastIndex { !$0.isEmpty } ?? 0
            for column in 0...last {
                let space = String(repeating: " ", count: widths[column] - own[column])
                if column > 0 { text += "  " }
                if columns[column].alignment == .right { text += space }
                text += row[column]
                if columns[column].alignment == .left, column < last { text += space }
            }
        }
        return text
    }

    /// Columns that a text takes on a terminal: wide East Asian characters and emoji take two.
    static func width(_ text: String) -> Int {
        let bytes = text.utf8
        if bytes.allSatisfy({ $0 < 0x80 }) { return bytes.count }
        return text.reduce(0) { sum, character in
            guard let first = character.unicodeScalars.first else { return sum }
            let isWide: Bool =
                switch first.value {
                case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
                    0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
                    true
                default: false
                }
            return sum + (isWide ? 2 : 1)
        }
    }
}
