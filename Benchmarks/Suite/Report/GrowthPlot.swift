import Foundation

/// How time and memory grow with the number of saves, as an SVG with two panels and logarithmic axes.
struct GrowthPlot {
    private let report: Report

    init(_ report: Report) { self.report = report }

    private static let colors: [Growth.Kind: String] = [.pull: "#1f5fa8", .noOp: "#c05a12", .status: "#2d7d46"]
    private static let width = 420.0
    private static let height = 320.0

    var svg: String {
        let time = Panel(title: "wall time in seconds", left: 70, points: points(\.wall))
        let memory = Panel(
            title: "peak memory in MiB", left: 570, points: points { $0.peak.map { $0 / Double(1 << 20) } })
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="1040" height="470" viewBox="0 0 1040 470" \
            font-family="sans-serif" font-size="13" fill="#222">
            <rect width="1040" height="470" fill="#fff"/>
            <text x="20" y="26" font-size="16">SaveFerry from 1,000 to 100,000 saves of 512 B, round trip \
            \(Growth.roundTrip) ms, medians</text>
            \(time.svg)
            \(memory.svg)
            </svg>

            """
    }

    private func points(_ value: (Measurement) -> Double?) -> [(kind: Growth.Kind, points: [Point])] {
        Growth.Kind.allCases.map { kind in
            let points = Growth.sizes.compactMap { size in
                let roundTrip = kind == .status ? 0 : Growth.roundTrip
                return report.measurement(kind.workload(size), roundTrip, SaveFerry.name).flatMap(value)
                    .map { Point(saves: Double(size), value: $0) }
            }
            return (kind, points)
        }
    }

    struct Point {
        let saves: Double
        let value: Double
    }

    /// One diagram with its axes.
    private struct Panel {
        let title: String
        let left: Double
        let points: [(kind: Growth.Kind, points: [Point])]
        private let top = 90.0

        init(title: String, left: Double, points: [(kind: Growth.Kind, points: [Point])]) {
            self.title = title
            self.left = left
            self.points = points
        }

        /// Whole powers of ten around everything.
        private var decades: ClosedRange<Int> {
            let values = points.flatMap(\.points).map { log10($0.value) }
            let low = Int((values.min() ?? 0).rounded(.down))
            return low...max(low + 1, Int((values.max() ?? 1).rounded(.up)))
        }

        private func x(_ saves: Double) -> Double { left + (log10(saves) - 3) / 2 * width }

        private func y(_ value: Double) -> Double {
            let span = Double(decades.upperBound - decades.lowerBound)
            return top + height - (log10(value) - Double(decades.lowerBound)) / span * height
        }

        var svg: String {
            (["<text x=\"\(left)\" y=\"\(top - 34)\" font-weight=\"bold\">\(title)</text>"] + grid + legend
                + points.flatMap(series)).joined(separator: "\n")
        }

        private var grid: [String] {
            let right = left + width
            let bottom = top + height
            let across = decades.flatMap { decade -> [String] in
                let value = pow(10, Double(decade))
                let label = value >= 1 ? Format.count(Int(value)) : String(format: "%g", value)
                return [
                    "<line x1=\"\(left)\" y1=\"\(y(value))\" x2=\"\(right)\" y2=\"\(y(value))\" stroke=\"#ccc\"/>",
                    "<text x=\"\(left - 8)\" y=\"\(y(value) + 4)\" text-anchor=\"end\">\(label)</text>",
                ]
            }
            let down = Growth.sizes.flatMap { size in
                let x = x(Double(size))
                return [
                    "<line x1=\"\(x)\" y1=\"\(top)\" x2=\"\(x)\" y2=\"\(bottom)\" stroke=\"#ccc\"/>",
                    "<text x=\"\(x)\" y=\"\(bottom + 20)\" text-anchor=\"middle\">\(Format.count(size))</text>",
                ]
            }
            let name = "<text x=\"\(left + width / 2)\" y=\"\(bottom + 42)\" text-anchor=\"middle\">saves</text>"
            return across + down + [name]
        }

        private var legend: [String] {
            points.enumerated().flatMap { index, series in
                let x = left + Double(index) * 140
                return [
                    "<circle cx=\"\(x + 5)\" cy=\"\(top - 16)\" r=\"4\" fill=\"\(colors[series.kind] ?? "#000")\"/>",
                    "<text x=\"\(x + 14)\" y=\"\(top - 12)\">\(series.kind.rawValue)</text>",
                ]
            }
        }

        private func series(_ kind: Growth.Kind, _ points: [Point]) -> [String] {
            let color = colors[kind] ?? "#000"
            let path = points.map { "\(x($0.saves)),\(y($0.value))" }.joined(separator: " ")
            let line = "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\"/>"
            // The numbers of the uppermost line above it, the others below.
            let below = kind == .pull ? -7.0 : 15.0
            return [line]
                + points.flatMap { point in
                    let value = String(format: point.value < 10 ? "%.2g" : "%.0f", point.value)
                    return [
                        "<circle cx=\"\(x(point.saves))\" cy=\"\(y(point.value))\" r=\"4\" fill=\"\(color)\"/>",
                        "<text x=\"\(x(point.saves) + 6)\" y=\"\(y(point.value) + below)\" font-size=\"11\" "
                            + "fill=\"\(color)\" stroke=\"#fff\" stroke-width=\"3\" paint-order=\"stroke\">\(value)</text>",
                    ]
                }
        }
    }
}
