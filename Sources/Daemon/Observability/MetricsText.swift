/// Metrics as text (Prometheus, exposition formats, text format 0.0.4).
struct MetricsText {
    /// What a metric's value does.
    enum Kind: String { case counter, gauge, summary }

    private(set) var text = ""

    /// Begins a metric: its lines follow by ``add(_:_:_:)``.
    mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(MetricsText.escaped(help, quote: false))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// One value of the metric that was begun last; a summary's `name` ends in `_sum` or `_count`.
    mutating func add(_ name: String, _ labels: KeyValuePairs<String, String>, _ value: Double) {
        text += name
        if !labels.isEmpty {
            text +=
                "{" + labels.map { "\($0)=\"\(MetricsText.escaped($1, quote: true))\"" }.joined(separator: ",") + "}"
        }
        text += " \(MetricsText.number(value))\n"
    }

    /// A backslash, a line's end and, between quotes, a quote are written as two characters.
    private static func escaped(_ text: String, quote: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quote: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map(String.init) ?? "\(value)"
    }
}
