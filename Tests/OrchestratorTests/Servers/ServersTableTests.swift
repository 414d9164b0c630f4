import Foundation
import TestSupport
import Testing

/// docs/servers.md says what was seen, not what is remembered. `Scripts/servers --write` writes it anew.
@Suite(.enabled(if: triesServers), .timeLimit(.minutes(15))) struct ServersTableTests {
    @Test func `the table of servers in docs is what the servers do`() async throws {
        var table = MarkdownTable(ServerFacts.titles)
        for kind in DeviceServer.kinds { table.add(try await ServerFacts.of(kind).cells) }
        let path = #filePath.components(separatedBy: "/Tests/")[0] + "/docs/servers.md"
        let page = try String(contentsOfFile: path, encoding: .utf8)
        let parts = page.components(separatedBy: "<!-- table -->\n")
        try #require(parts.count == 3)
        let written = [parts[0], table.text + "\n", parts[2]].joined(separator: "<!-- table -->\n")
        if ProcessInfo.processInfo.environment["SAVEFERRY_SERVERS_WRITE"] == "1" {
            try written.write(toFile: path, atomically: true, encoding: .utf8)
        } else {
            #expect(page == written, "docs/servers.md says something else; this is what the servers do:\n\(table.text)")
        }
    }
}
