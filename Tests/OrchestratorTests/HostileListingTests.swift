import Foundation
import Testing

@testable import Orchestrator
@testable import SSHClient

/// A server lists names that lead out of the folder in which it lists them.
@Suite struct HostileListingTests {
    @Test(arguments: ["../Metroid.srm", "a/../../Metroid.srm", "/../../saves/Metroid.srm", "a\0b", "/", ""])
    func `a folder is removed with what is in it, and nothing that its listing leads to`(name: String) async throws {
        let folder = "/saves/.saveferry-1.tmp"
        let tree = MemoryTree(
            ["/saves/Metroid.srm": "x", "\(folder)/a": "old"], folders: ["/saves", folder], alsoListed: [folder: name])
        let sftp = try await SFTPClient.start(over: MemoryPeer(tree) {})
        let error = await #expect(throws: SSHError.self) { try await sftp.removeTree(RemotePath(folder)) }
        #expect(error?.code == .unusableName, "\(error?.what ?? "")")
        #expect(tree.texts["/saves/Metroid.srm"] == "x")
    }

    @Test func `what waits in a folder of ours is listed only under a name that stays in it`() async throws {
        let folder = "/saves/.saveferry-1.bak"
        let tree = MemoryTree(
            ["\(folder)/Zelda.srm": "old"], folders: ["/saves", folder], alsoListed: [folder: "../Metroid.srm"])
        let sftp = try await SFTPClient.start(over: MemoryPeer(tree) {})
        let error = await #expect(throws: SSHError.self) { try await sftp.listWithBackups(RemotePath("/saves")) }
        #expect(error?.code == .unusableName)
    }

    @Test(arguments: [
        ".saveferry-1.bak/../../Metroid.srm", ".saveferry-1.bak/..", ".saveferry-1.bak/", "a\0.saveferry-bak",
        ".saveferry-1\0.tmp",
    ])
    func `a name that leads elsewhere is none of ours`(name: String) {
        #expect(Leftover.classify(Array(name.utf8)) == nil)
    }
}
