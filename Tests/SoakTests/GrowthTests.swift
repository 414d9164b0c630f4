import Foundation
import TestSupport
import Testing

@testable import soak

/// When a process is said to have grown.
@Suite struct GrowthTests {
    /// A sample each 10 s for ten minutes.
    private func growth(
        memory: (Int) -> Int = { _ in 40 << 20 }, descriptors: (Int) -> Int = { 30 + $0 % 5 }
    ) throws -> Growth {
        try #require(
            Growth(
                (0...60).map { step in
                    Sample(
                        at: Double(step * 10), resident: memory(step), anonymous: memory(step),
                        descriptors: descriptors(step), threads: 6, cpuSeconds: 0)
                }))
    }

    @Test func `what wavers has not grown`() throws {
        let growth = try growth(memory: { (40 << 20) + ($0 % 7) << 20 })
        #expect(growth.isMemorySteady && growth.areDescriptorsSteady)
    }

    @Test func `memory that is taken and never given back is growth`() throws {
        #expect(try !growth(memory: { (40 << 20) + $0 * (400 << 10) }).isMemorySteady)
    }

    @Test func `a descriptor that is forgotten every minute is growth`() throws {
        #expect(try !growth(descriptors: { 30 + $0 % 5 + $0 / 6 }).areDescriptorsSteady)
    }

    @Test func `a peak is no growth`() throws {
        let growth = try growth(
            memory: { $0 == 55 ? 400 << 20 : 40 << 20 }, descriptors: { $0 == 55 ? 200 : 30 })
        #expect(growth.isMemorySteady && growth.areDescriptorsSteady)
    }

    @Test func `too few samples say nothing`() {
        let sample = Sample(at: 0, resident: 1, anonymous: 1, descriptors: 1, threads: 1, cpuSeconds: 0)
        #expect(Growth(Array(repeating: sample, count: 11)) == nil)
    }

    @Test func `a sample sees a descriptor that is opened`() throws {
        let before = try #require(Sample(of: getpid(), at: 0))
        let pairs = try (0..<50).map { _ in try connectedPair() }
        defer { for pair in pairs { for end in [pair.ours, pair.theirs] { close(end) } } }
        let after = try #require(Sample(of: getpid(), at: 1))
        #expect(after.descriptors >= before.descriptors + 50)
        #expect(after.resident > 1 << 20 && after.anonymous > 0 && after.threads > 0)
    }
}
