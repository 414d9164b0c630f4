import Foundation
import TestSupport
import Testing

@testable import bench

/// What the suite computes from what it measured.
@Suite struct ReportTests {
    @Test(
        arguments: [
            ([], nil), ([3.0], 3.0), ([3.0, 1.0, 2.0], 2.0), ([4.0, 1.0, 2.0, 9.0], 3.0),
        ] as [([Double], Double?)])
    func `the median is the middle value, or the mean of the two in the middle`(values: [Double], median: Double?) {
        #expect(values.median == median)
    }

    @Test func `round trips are counted from no delay to the longest one`() throws {
        let report = report([measurement(0, 0.2), measurement(10, 0.4), measurement(50, 1.2)])
        let trips = try #require(report.roundTrips("pull", SaveFerry.name))
        #expect(trips.at == 50 && abs(trips.count - 20) < 0.001)
        #expect(self.report([measurement(10, 0.4)]).roundTrips("pull", SaveFerry.name) == nil)
    }

    @Test func `a target is met, missed or not measured`() throws {
        func verdict(_ ours: Double, _ tar: Double?) throws -> String {
            let measurements = [measurement(10, ours)] + (tar.map { [measurement(10, $0, "tar")] } ?? [])
            return try #require(Target.all(in: report(measurements)).first).verdict
        }
        #expect(try verdict(1, 1) == "met")
        #expect(try verdict(1.1, 1) == "missed")
        #expect(try verdict(1, nil) == "not measured")
    }

    @Test func `a comparison marks what got slower by more than a tenth, and leaves out what only one measured`() {
        let old = report([measurement(0, 1), measurement(10, 1), measurement(50, 1, "tar")])
        let new = report([measurement(0, 1.09), measurement(10, 1.11), measurement(2, 1)])
        let comparison = Comparison(old: old, new: new)
        #expect(comparison.rows.map(\.isSlower) == [false, true])
        #expect(comparison.text.hasSuffix("1 of 2 are slower by more than 10 %.\n"))
    }

    @Test func `a report is the same after it was written and read`() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).json").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        let written = report([measurement(10, 0.5), measurement(50, nil, "rsync")])
        try written.write(file)
        let read = try Report.read(file)
        #expect(read.measurements.map(\.key) == written.measurements.map(\.key))
        #expect(read.measurements.map(\.wall) == [0.5, nil] && read.date == written.date)
    }

    @Test func `the table shows medians, ratios, fewer runs, and why a peer has none`() {
        let text = Markdown(
            report: report([measurement(10, 0.5), measurement(10, 1, "tar"), measurement(10, nil, "rsync")])
        )
        .text
        #expect(text.contains("| 0.50 s    | 1.00 s (0.50) | missing |"), "\(text)")
    }

    @Test func `a table keeps its columns apart`() {
        var table = MarkdownTable(["a", "command"])
        table.add(["1,000", "tar | ssh"])
        #expect(
            table.text == """
                | a     | command    |
                |-------|------------|
                | 1,000 | tar \\| ssh |
                """)
    }

    @Test(arguments: [(1, "1"), (1000, "1,000"), (100_000, "100,000"), (1_234_567, "1,234,567")])
    func `numbers have commas`(number: Int, text: String) {
        #expect(Format.count(number) == text)
    }

    // MARK: Made up measurements

    private func measurement(_ roundTrip: Int, _ wall: Double?, _ peer: String = SaveFerry.name) -> bench.Measurement {
        let key = Measurement.Key(workload: "pull", server: .openSSH, roundTripMilliseconds: roundTrip, peer: peer)
        let sample = wall.map {
            Sample(
                wallSeconds: $0, cpuSeconds: 0.1, peakBytes: 1 << 20, sentBytes: 1, receivedBytes: 2, connections: 1)
        }
        return bench.Measurement(
            key: key, title: "a pull", samples: sample.map { [$0] } ?? [], remark: wall == nil ? "missing" : nil)
    }

    private func report(_ measurements: [bench.Measurement]) -> Report {
        var settings = Notebook.Settings()
        settings.runs = 1
        return Report(
            date: Date(timeIntervalSince1970: 1_800_000_000),
            machine: Machine(
                cores: 2, processor: "a processor", memoryBytes: 1 << 30, system: "a system", kernel: "a kernel",
                fileSystem: "ext4", libssh2: "1.10.0", servers: [], load: 0),
            peers: [SaveFerry.name, "tar", "rsync"].map { .init(name: $0, version: "1", note: "") },
            settings: settings, measurements: measurements)
    }
}
