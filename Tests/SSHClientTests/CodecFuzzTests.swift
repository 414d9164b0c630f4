import Foundation
import NIOCore
import TestSupport
import Testing

@testable import SSHClient

/// A million damaged packets: none may end the program or make it grow.
@Suite struct CodecFuzzTests {
    /// In a process of its own, whose memory no other test fills. Set SAVEFERRY_FUZZ_SEED to repeat a run.
    @Test func `no damaged packet crashes the codec or makes it keep memory`() async {
        let given = ProcessInfo.processInfo.environment["SAVEFERRY_FUZZ_SEED"].flatMap(UInt64.init)
        let seed = given ?? .random(in: 0 ... .max)
        await #expect(processExitsWith: .success, "SAVEFERRY_FUZZ_SEED=\(seed)") { [seed = seed as UInt64] in
            var mutator = PacketMutator(seed: seed)
            for _ in 0..<20_000 { mutator.next() }
            let before = residentBytes()
            for _ in 0..<1_000_000 { mutator.next() }
            let growth = residentBytes() - before
            #expect(growth < 16 << 20, "grew by \(growth) bytes with seed \(seed)")
            // Damage that nothing notices, or that nothing survives, would test nothing.
            #expect(mutator.understood > 10_000 && mutator.refused > 10_000, "seed \(seed)")
        }
    }
}

/// Damages packets in place, gives them to the codec, and mends them again.
private struct PacketMutator {
    private var random: SplitMix64
    private(set) var understood = 0
    private(set) var refused = 0
    private var packets: [[UInt8]] = [
        Wire.version(3, [("posix-rename@openssh.com", "1"), ("limits@openssh.com", "1")]),
        Wire.status(1, 4, "Failure"), Wire.packet(101, [0, 0, 0, 1, 0, 0, 0, 1]), Wire.handle(2, "\0\0\0\u{1}"),
        Wire.data(3, Array(0..<40)), Wire.names(4, ["a", "Game.srm"]), Wire.names(5, []),
        Wire.attributes(6, size: 32_768),
        Wire.packet(105, [0, 0, 0, 7, 0, 0, 0, 0]), Wire.packet(201, [0, 0, 0, 8] + [UInt8](repeating: 3, count: 88)),
        Wire.status(9, 0) + Wire.handle(10, "two at once"),
    ]
    /// Where lengths, counts and flags turn.
    private static let edges: [UInt8] = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, 0x0c, 0x20]

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func next() {
        let dice = random.next()
        let which = Int(dice & 0xff) % packets.count
        let length = packets[which].count
        let damages = 1 + Int(dice >> 8 & 3)
        var mended: [(index: Int, byte: UInt8)] = []
        for _ in 0..<damages {
            let dice = random.next()
            // Half of the damage goes where the lengths of the packet are.
            let index = Int(dice >> 16 & 0xffff) % (dice & 1 == 0 ? min(16, length) : length)
            mended.append((index, packets[which][index]))
            packets[which][index] =
                switch dice >> 1 & 3 {
                case 0: packets[which][index] ^ (1 << UInt8(dice >> 8 & 7))
                case 1: UInt8(truncatingIfNeeded: dice >> 40)
                default: Self.edges[Int(dice >> 8 & 7)]
                }
        }
        let end = dice >> 16 & 7 == 0 ? Int(dice >> 32 & 0xffff) % length : length
        read(packets[which][..<end])
        for (index, byte) in mended.reversed() { packets[which][index] = byte }
    }

    private mutating func read(_ bytes: ArraySlice<UInt8>) {
        let buffer = ByteBuffer(bytes: bytes)
        var splitter = PacketSplitter(limit: 272 << 10)
        splitter.append(buffer)
        // The length is often damaged; what follows it is worth reading all the same.
        try? take(buffer.getSlice(at: 4, length: max(0, bytes.count - 4)) ?? ByteBuffer())
        do {
            while let packet = try splitter.next() { try take(packet) }
        } catch {
            refused += 1
        }
    }

    private mutating func take(_ packet: ByteBuffer) throws {
        _ = try? SFTPVersion(packet)
        _ = try SFTPReply(packet)
        understood += 1
    }
}

/// Bytes of this process that are in memory (proc(5), "statm").
private func residentBytes() -> Int {
    let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))
}
