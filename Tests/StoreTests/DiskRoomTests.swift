import Testing

@testable import Store

@Suite struct DiskRoomTests {
    @Test(arguments: [
        (UInt64(3), UInt64(4_096), UInt64(12_288)), (.max, 4_096, .max), (.max, 1, .max), (1 << 52, 4_096, .max),
        (0, 4_096, 0),
    ])
    func `a file system that reports as many blocks as there can be has all the room`(
        blocks: UInt64, size: UInt64, bytes: UInt64
    ) {
        let room = DiskRoom(path: "/", freeBlocks: blocks, blocks: blocks, blockSize: size)
        #expect(room.free == bytes && room.total == bytes)
    }
}
