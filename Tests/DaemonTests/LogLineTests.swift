import Foundation
import Logging
import Testing

@testable import saveferry

/// A line of the log stays one line, whatever a device's files are called.
@Suite struct LogLineTests {
    private func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> LogLine {
        LogLine(
            date: Date(timeIntervalSince1970: 1_772_348_400.25), level: .notice, message: message, metadata: metadata)
    }

    @Test func `as text: level, message, and what it is about`() {
        let line = line("served", ["session": "12", "device": "pocket", "path": "/my saves/a=\"b\"", "empty": ""])
        #expect(
            line.text(.none)
                == #"notice: served device=pocket empty="" path="/my saves/a=\"b\"" session=12"#)
        #expect(line.text(.time).hasPrefix("2026-03-01T07:00:00.250Z notice: served "))
        #expect(line.text(.priority).hasPrefix("<5>notice: served "))
    }

    @Test func `control characters reach no terminal and break no line`() throws {
        let evil = "a\nb\u{1b}[2J\u{202e}\u{9b}c\t\u{0}"
        let line = line("not repaired: \(evil)", ["path": "\(evil)"])
        for text in [line.text(.none), line.text(.time), line.json] {
            #expect(!text.unicodeScalars.contains { $0.value < 0x20 || [0x9b, 0x202e].contains($0.value) }, "\(text)")
        }
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(line.json.utf8)) as? [String: String])
        #expect(document["path"] == evil && document["message"] == "not repaired: \(evil)")
    }

    @Test func `as JSON: time, level and message first, keys in snake_case and none twice`() throws {
        let line = line("x \"y\" \\ 🚢 \u{10ffff}", ["keepDays": "1", "sl-service": "s", "message": "m", "list": ["a"]])
        #expect(line.json.hasPrefix(#"{"time":"2026-03-01T07:00:00.250Z","level":"notice","message":"x \"y\" \\ 🚢 "#))
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(line.json.utf8)) as? [String: String])
        #expect(Set(document.keys) == ["time", "level", "message", "keep_days", "sl_service", "about_message", "list"])
        #expect(document["message"] == "x \"y\" \\ 🚢 \u{10ffff}")
    }

    @Test func `every level has its priority`() {
        let priorities = Logger.Level.allCases.map { level in
            LogLine(date: .now, level: level, message: "", metadata: [:]).text(.priority).prefix(3)
        }
        #expect(priorities == ["<7>", "<7>", "<6>", "<5>", "<4>", "<3>", "<2>"])
    }

    @Test(
        arguments: [
            (0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_600, "1 h"), (12_000, "3 h 20 min"),
            (172_800, "2 d"), (-5, "0 s"),
        ] as [(Double, String)])
    func `spans are short`(_ seconds: Double, _ shown: String) {
        #expect(StatusText.span(seconds) == shown)
    }
}
