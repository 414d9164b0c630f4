import Foundation
import Planner
import TestSupport
import Testing

/// Real cards in a handheld. `make servers` runs it.
@Suite(
    .enabled(if: ProcessInfo.processInfo.environment["SAVEFERRY_SERVERS"] != nil, "SAVEFERRY_SERVERS is not set"),
    .enabled(if: ExFATCard.absence == nil, "\(ExFATCard.absence ?? "")"))
struct CardServersTests {
    @Test func `a swapped exFAT card, whose file system has no number, is told by its size`() async throws {
        let hub = try await Hub()
        let pocket = try await Handheld(of: hub)
        let slot = pocket.folder("saves")
        let first = try await ExFATCard(megabytes: 64)
        let second = try await ExFATCard(megabytes: 128)
        try await first.inserted(at: slot) {
            for number in 1...8 { try pocket.write("Game \(number).srm", "far along \(number)") }
            try await pocket.sync(expecting: [.pull: 8])
            try await pocket.rerunIsQuiet()
        }
        try await second.inserted(at: slot) {
            for number in 1...8 { try pocket.write("Game \(number).srm", "just begun \(number)") }
            let report = try await pocket.sync()
            #expect(report.plan?.halts.map(\.override) == ["--allow card-changed"], "\(report.shown)")
            #expect(report.moved.isEmpty)
            #expect(try await hub.content("Game 3") == "far along 3")
        }
        try await first.inserted(at: slot) { try await pocket.rerunIsQuiet() }
        try await second.inserted(at: slot) {
            #expect(try await pocket.sync(allowing: [.cardChanged]).moved == [.pull: 8])
            try await pocket.rerunIsQuiet()
        }
    }
}
