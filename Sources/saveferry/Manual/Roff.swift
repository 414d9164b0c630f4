/// Text in the language of manual pages (man(7), groff_char(7)).
struct Roff {
    private(set) var text = ""

    /// A macro with its arguments, on a line of its own.
    mutating func macro(_ name: String, _ arguments: String...) {
        text += ".\(name)" + arguments.map { " \"\(Roff.escaped($0))\"" }.joined() + "\n"
    }

    /// A line of text; `words in backticks` become bold.
    mutating func line(_ plain: String) {
        let parts = plain.split(separator: "`", omittingEmptySubsequences: false).map { Roff.escaped(String($0)) }
        let spans = parts.enumerated().map { $0.offset.isMultiple(of: 2) ? $0.element : "\\fB\($0.element)\\fR" }
        text += Roff.guarded(spans.joined()) + "\n"
    }

    /// Paragraphs, separated by empty lines; lines that begin with two spaces are shown as they are.
    mutating func paragraphs(_ plain: String) {
        var isExample = false
        for line in plain.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line.hasPrefix("  ") != isExample, !line.isEmpty {
                isExample.toggle()
                if !isExample { macro("EE") }
                macro("PP")
                if isExample { macro("EX") }
            }
            if line.isEmpty {
                if !isExample { macro("PP") }
            } else if isExample {
                text += Roff.guarded("    " + Roff.escaped(String(line.dropFirst(2)))) + "\n"
            } else {
                self.line(line)
            }
        }
        if isExample { macro("EE") }
    }

    /// Characters that would be read as requests, or shown as others, as what they are.
    private static func escaped(_ plain: String) -> String {
        plain.unicodeScalars.map { scalar in
            switch scalar {
            case "\\": "\\e"
            case "-": "\\-"
            case "\"": "\\(dq"
            case "'": "\\(aq"
            case "`": "\\(ga"
            case "~": "\\(ti"
            case "^": "\\(ha"
            case _ where !scalar.isASCII: "\\[u\(hex(scalar.value))]"
            default: String(scalar)
            }
        }.joined()
    }

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// A line that begins with a period is no request.
    private static func guarded(_ line: String) -> String { line.hasPrefix(".") ? "\\&" + line : line }
}
