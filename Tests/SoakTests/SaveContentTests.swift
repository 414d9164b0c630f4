import Testing

@testable import soak

/// What the soak makes of the bytes that it finds.
@Suite struct SaveContentTests {
    @Test(arguments: [1, 64, 1000, 70_000]) func `a save is recognised by its bytes`(size: Int) {
        let bytes = SaveContent.bytes(42, size: size)
        #expect(bytes.count == max(64, size))
        #expect(SaveContent.recognise(bytes) == .whole(42))
    }

    @Test func `the beginning of a save is told from a torn one`() {
        let bytes = SaveContent.bytes(42, size: 1000)
        #expect(SaveContent.recognise(Array(bytes.prefix(999))) == .beginning(of: 42, bytes: 999))
        #expect(SaveContent.recognise(Array(bytes.prefix(5))) == .beginning(of: nil, bytes: 5))
        #expect(SaveContent.recognise([]) == .beginning(of: nil, bytes: 0))
    }

    @Test func `mixed, changed, longer and strange contents are torn`() {
        let bytes = SaveContent.bytes(42, size: 1000)
        var changed = bytes
        changed[700] ^= 1
        let mixed = Array(bytes.prefix(500)) + SaveContent.bytes(43, size: 1000).suffix(500)
        for torn in [changed, mixed, bytes + [0], Array(bytes.dropFirst()), Array(repeating: 0, count: 1000)] {
            #expect(SaveContent.recognise(torn) == .torn)
        }
        // A size that nobody could have written is not believed.
        var huge = Array(bytes.prefix(100))
        for index in 30..<39 { huge[index] = 0x7f }
        #expect(SaveContent.recognise(huge) == .torn)
    }
}
