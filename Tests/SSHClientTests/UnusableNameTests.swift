import Testing

@testable import SSHClient

/// Names that the device's card can't hold.
@Suite struct UnusableNameTests {
    /// Answers as a server on a FAT card: no name with a colon is taken, in whichever words it says so.
    private func card(_ code: UInt32, refusesAll: Bool = false) -> FakePeer {
        FakePeer { request in
            var body = request.body
            guard [FakePeer.Request.open, 14].contains(request.type), let path = body.readString32() else { return nil }
            let isRefused = refusesAll || path.contains(UInt8(ascii: ":"))
            return isRefused ? Wire.status(request.number, code, "Bad message") : nil
        }
    }

    private func error(_ peer: FakePeer, _ name: String) async throws -> (error: SSHError?, wrote: Bool) {
        let sftp = try await SFTPClient.start(over: peer)
        let error = await #expect(throws: SSHError.self) {
            try await sftp.put([UInt8](repeating: 1, count: 100_000), to: name)
        }
        return (error, try await peer.eventLoop.submit { peer.asked.contains(FakePeer.Request.write) }.get())
    }

    @Test(arguments: [SFTPStatus.noSuchFile, 4]) func `the character is named, and nothing of the content is sent`(
        code: UInt32
    ) async throws {
        let (error, wrote) = try await error(card(code), "/saves/Game: Sub?.srm")
        #expect(error?.code == .unusableName)
        #expect(
            error?.what
                == "the device's card can't hold the name Game: Sub?.srm, because of the characters : ? in it")
        let one = try await self.error(card(code), "/saves/Game: Sub.srm").error
        #expect(
            one?.description.contains("Game: Sub.srm, because of the character : in it. FAT and exFAT allow") == true,
            "\(String(describing: one))")
        #expect(error?.advice.contains("Rename") == true && !wrote)
    }

    @Test func `a refusal with another cause stays what it is`() async throws {
        #expect(
            try await error(card(SFTPStatus.noSuchFile, refusesAll: true), "/a/Game: Sub.srm").error?.code
                == .noSuchFile)
        #expect(try await error(card(4, refusesAll: true), "/a/Game.srm").error?.code == .failure)
    }

    @Test func `the name that a transfer has meanwhile has the same characters, and is known as ours`() {
        let name = Leftover.temporaryName(like: Array("a<b>::\"|c?*\\".utf8))
        #expect(Leftover.classify(name) == .temporary)
        #expect(Set("\\:*?\"<>|".utf8).isSubset(of: name) && name.count < 60)
        #expect(Leftover.temporaryName(like: Array("Metroid.srm".utf8)).count <= Leftover.temporaryName().count + 1)
    }
}
