import Orchestrator
import Planner

/// Brings notices to their places, each attempt by itself.
///
/// What is secret is read from its file each time: a new token counts at once, and none is kept.
struct Delivery: Sendable {
    let web: WebClient

    /// One attempt. Nothing it says holds a secret.
    func attempt(_ notice: Notice, to place: NotificationTarget.Place) async -> Attempt {
        do {
            switch place {
            case .ntfy(let server, let topic, let file):
                let token = try await secret(file, "token")
                return await web.send(.ntfy(notice, server: server, topic: topic, token: token))
            case .gotify(let server, let file):
                let token = try await secret(file, "token") ?? ""
                return await web.send(.gotify(notice, server: server, token: token))
            case .discord(let address): return await web.send(.discord(notice, address))
            case .discordFile(let path):
                guard let address = WebAddress(try await SecretFile.line(of: path, "Discord webhook")) else {
                    return .refused("the Discord webhook file holds no https URL on its first line")
                }
                return await web.send(.discord(notice, address))
            case .json(let address, let file):
                let header = try await secret(file, "header")
                guard header.map(isHeader) ?? true else {
                    return .refused("the header file holds no line of the form Name: value")
                }
                return await web.send(.json(notice, address, header: header))
            case .command(let words): return await CommandHook(words: words).run(with: notice)
            }
        } catch {
            return .refused("\(error)")
        }
    }

    /// The first line of a secret file, or nil where there is none. Refuses what no header can have (RFC 9110 section 5.5).
    private func secret(_ path: String?, _ kind: String) async throws -> String? {
        guard let path else { return nil }
        let text = try await SecretFile.line(of: path, kind)
        guard text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
            throw DeviceFailure(
                code: .authentication, message: "the \(kind) file holds characters that no header can have",
                advice: "Put nothing but the \(kind) on its first line.")
        }
        return text
    }

    private func isHeader(_ line: String) -> Bool {
        guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { return false }
        return line[..<colon].allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
    }
}
