import TestSupport
import Testing

/// Servers of test processes that run side by side never get the same port.
@Suite struct PortBlocksTests {
    @Test func `two processes have no port in common, and a block is free again when its process ends`() throws {
        let folder = try TemporaryFolder()
        let one = PortBlocks(lockedIn: folder.path)
        var other: PortBlocks? = PortBlocks(lockedIn: folder.path)
        var (ones, others): (Set<Int>, Set<Int>) = ([], [])
        for _ in 0..<250 {
            ones.insert(try one.next())
            others.insert(try #require(other).next())
        }
        #expect(ones.count == 250 && others.count == 250 && ones.isDisjoint(with: others))
        other = nil
        let third = PortBlocks(lockedIn: folder.path)
        #expect(others.contains(try third.next()))
    }

    @Test func `when every block is taken, the own ports come again`() throws {
        let folder = try TemporaryFolder()
        let blocks = PortBlocks(lockedIn: folder.path)
        let first = try blocks.next()
        for _ in 1..<blocks.count { _ = try blocks.next() }
        #expect(try blocks.next() == first)
        #expect(throws: TimedOut.self) { try PortBlocks(lockedIn: folder.path).next() }
    }
}
