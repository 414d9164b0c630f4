import Foundation
import TestSupport
import Testing

@testable import Daemon

/// What the services get, from a real server's point of view.
struct DeliveryTests {
    private static let notice = Notice(
        .valveHalted, device: "pocket", title: "Pokémon *halted* @everyone", message: "first line\n\"second\" 🎮",
        facts: [
            "code": .text("mass-deletion"), "session": .number(7), "saves": .list(["a", "b"]), "failing": .flag(true),
        ],
        date: Date(timeIntervalSince1970: 1_790_000_000))

    /// One attempt with a client of its own.
    private func attempt(
        _ place: NotificationTarget.Place, _ notice: Notice = notice, whole: Duration = .seconds(30)
    ) async -> Attempt {
        let web = WebClient(whole: whole)
        let attempt = await Delivery(web: web).attempt(notice, to: place)
        await web.shutDown()
        return attempt
    }

    private func address(_ server: HookServer, _ path: String = "/") throws -> WebAddress {
        try #require(WebAddress(server.url(path)))
    }

    @Test func `ntfy gets its JSON form at the server's root, with the token`() async throws {
        let server = try await HookServer()
        let folder = try TemporaryFolder()
        let token = try folder.write("tk_secret\n", to: "token", mode: 0o600)
        let (root, topic) = try #require(try address(server, "/below/my-topic").splittingLast())
        #expect(await attempt(.ntfy(server: root, topic: topic, tokenFile: token)) == .delivered)
        let request = try #require(server.requests.first)
        #expect(request.method == "POST")
        #expect(request.path == "/below/")
        #expect(request.headers["authorization"] == "Bearer tk_secret")
        #expect(request.headers["content-type"] == "application/json")
        #expect(request.json["topic"] as? String == "my-topic")
        #expect(request.json["title"] as? String == Self.notice.title)
        #expect(request.json["message"] as? String == Self.notice.message)
        #expect(request.json["priority"] as? Int == 4)
        #expect(request.json["tags"] as? [String] == ["valve-halted"])
    }

    @Test func `Gotify gets a message with its key in the header`() async throws {
        let server = try await HookServer()
        let folder = try TemporaryFolder()
        let token = try folder.write("Akey", to: "token", mode: 0o600)
        for path in ["/", "/gotify", "/gotify/"] {
            #expect(await attempt(.gotify(server: try address(server, path), tokenFile: token)) == .delivered)
        }
        #expect(server.requests.map(\.path) == ["/message", "/gotify/message", "/gotify/message"])
        let request = try #require(server.requests.first)
        #expect(request.headers["x-gotify-key"] == "Akey")
        #expect(request.json["title"] as? String == Self.notice.title)
        #expect(request.json["priority"] as? Int == 8)
    }

    @Test func `Discord gets text that mentions nobody and is no Markdown, within its limit`() async throws {
        let server = try await HookServer(last: .status(204))
        let folder = try TemporaryFolder()
        let url = try folder.write(server.url("/api/webhooks/1/secret") + "\n", to: "url", mode: 0o600)
        #expect(await attempt(.discordFile(path: url)) == .delivered)
        let long = Notice(.diskLow, title: "t", message: String(repeating: "é", count: 3_000), date: Self.notice.date)
        #expect(await attempt(.discord(try address(server, "/api/webhooks/1/secret")), long) == .delivered)
        let request = try #require(server.requests.first)
        #expect(request.path == "/api/webhooks/1/secret")
        #expect(
            request.json["content"] as? String == "**Pokémon \\*halted\\* @everyone**\nfirst line\n\"second\" 🎮")
        #expect((request.json["allowed_mentions"] as? [String: [String]]) == ["parse": []])
        let shortened = try #require(server.requests.last?.json["content"] as? String)
        #expect(shortened.utf16.count <= 2_000)
        #expect(shortened.hasSuffix("é…"))
    }

    @Test func `plain JSON has the facts beside the words`() async throws {
        let server = try await HookServer(last: .status(201))
        let folder = try TemporaryFolder()
        let header = try folder.write("Authorization: Bearer abc:def\n", to: "header", mode: 0o600)
        #expect(await attempt(.json(try address(server, "/hook?x=1"), headerFile: header)) == .delivered)
        let request = try #require(server.requests.first)
        #expect(request.path == "/hook?x=1")
        #expect(request.headers["authorization"] == "Bearer abc:def")
        let expected: NSDictionary = [
            "event": "valve-halted", "device": "pocket", "title": Self.notice.title, "message": Self.notice.message,
            "time": "2026-09-21T14:13:20Z", "code": "mass-deletion", "session": 7, "saves": ["a", "b"], "failing": true,
        ]
        #expect(request.json as NSDictionary == expected)
    }

    @Test(arguments: [
        (HookServer.Answer.status(200), Attempt.delivered), (.half, .delivered),
        (.status(500), .failed("it answered 500 Internal Server Error", retryAfter: nil)),
        (
            .status(503, headers: ["Retry-After": "7"]),
            .failed("it answered 503 Service Unavailable", retryAfter: 7)
        ),
        (
            .status(429, headers: ["Retry-After": "2"], body: #"{"message": "slow", "retry_after": 1.25}"#),
            .failed("it answered 429 Too Many Requests", retryAfter: 1.25)
        ),
        (
            .status(429, headers: ["Retry-After": "soon"], body: "<html>"),
            .failed("it answered 429 Too Many Requests", retryAfter: nil)
        ),
        (.status(408), .failed("it answered 408 Request Timeout", retryAfter: nil)),
        (.silentEnd, .failed("it closed the connection before it answered", retryAfter: nil)),
        (.status(401), .refused("it answered 401 Unauthorized. Check the token, and what it may do.")),
        (
            .status(404),
            .refused("it answered 404 Not Found. Check the address; the topic or webhook may be gone.")
        ),
        (
            .status(413),
            .refused("it answered 413 Payload Too Large. Check the address, and which form the service takes.")
        ),
        (
            .status(302, headers: ["Location": "http://127.0.0.1:1/"]),
            .refused(
                "it answered 302 Found, which leads elsewhere. Give the address it leads to; it is not followed by itself."
            )
        ),
    ])
    func `what a server answers is tried again or not`(_ answer: HookServer.Answer, _ expected: Attempt) async throws {
        let server = try await HookServer(last: answer)
        #expect(await attempt(.json(try address(server), headerFile: nil)) == expected)
        #expect(server.requests.count == 1)
    }

    @Test func `a server that hangs or is not there fails in time`() async throws {
        let server = try await HookServer(last: .hang)
        #expect(
            await attempt(.json(try address(server), headerFile: nil), whole: .milliseconds(200))
                == .failed("it did not answer in time", retryAfter: nil))
        let nobody = try #require(WebAddress("http://127.0.0.1:\(try freePort())/"))
        #expect(
            await attempt(.json(nobody, headerFile: nil))
                == .failed("it can't be reached: Connection refused", retryAfter: nil))
        let plain = try #require(WebAddress("https://127.0.0.1:\(server.port)/"))
        #expect(
            await attempt(.json(plain, headerFile: nil))
                == .failed("it can't be reached: it speaks no TLS; is it http instead of https?", retryAfter: nil))
        let noName = try #require(WebAddress("http://no-such-host.invalid/"))
        guard case .failed(let why, _) = await attempt(.json(noName, headerFile: nil)) else {
            Issue.record("a name that does not exist was reached")
            return
        }
        #expect(why.hasPrefix("it can't be reached: "))
    }

    @Test func `a server that falls silent in the middle of its answer is not waited for`() async throws {
        let server = try await HookServer(last: .stall(429, headers: ["Retry-After": "7"]))
        let address = try address(server)
        let ended = try await finish("the attempt ends") {
            await attempt(.json(address, headerFile: nil), whole: .seconds(3))
        }
        #expect(ended == .failed("it answered 429 Too Many Requests", retryAfter: 7))
    }

    @Test func `a secret that others can read, is missing or no header can have is not sent`() async throws {
        let server = try await HookServer()
        let folder = try TemporaryFolder()
        let (root, topic) = try #require(try address(server, "/t").splittingLast())
        for (text, mode, expected) in [
            ("canary", 0o640, "others can read the token file \(folder("token")). Give it mode 600 (chmod 600)."),
            ("can\u{1}ary", 0o600, "the token file holds characters that no header can have"),
            ("", 0o600, "the token file \(folder("token")) is empty or not text"),
        ] {
            let token = try folder.write(text, to: "token", mode: mode)
            let ended = await attempt(.ntfy(server: root, topic: topic, tokenFile: token))
            guard case .refused(let why) = ended else {
                Issue.record("sent: \(ended)")
                continue
            }
            #expect(why.hasPrefix(expected))
            #expect(!why.contains("ary"))
        }
        let header = try folder.write("no header", to: "header", mode: 0o600)
        #expect(
            await attempt(.json(try address(server), headerFile: header))
                == .refused("the header file holds no line of the form Name: value"))
        let url = try folder.write("discord.com/api", to: "url", mode: 0o600)
        guard case .refused = await attempt(.discordFile(path: url)) else {
            Issue.record("a webhook without a scheme was used")
            return
        }
        #expect(server.requests.isEmpty)
    }
}
