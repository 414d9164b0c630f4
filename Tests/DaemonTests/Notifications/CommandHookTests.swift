import Foundation
import TestSupport
import Testing

@testable import Daemon

/// Programs that are started for a notice.
struct CommandHookTests {
    private static let notice = Notice(
        .conflictOpened, device: "pocket", title: "1 new conflict", message: "gba/Metroid",
        facts: ["count": .number(1)],
        date: Date(timeIntervalSince1970: 1_790_000_000))

    private func run(
        _ script: String, _ arguments: [String] = [], toRun: Duration = .seconds(240), toEnd: Duration = .seconds(2)
    ) async -> Attempt {
        var hook = CommandHook(words: ["sh", "-c", script, "told"] + arguments)
        hook.patience = (toRun, toEnd)
        return await hook.run(with: Self.notice)
    }

    @Test func `it gets its arguments as they are, the event in its environment and the notice on its standard input`()
        async throws
    {
        let folder = try TemporaryFolder()
        let script = #"cat > "$1"; printf '%s|%s|%s' "$SAVEFERRY_EVENT" "$2" "$(ps -o pgid= $$)" > "$1.more""#
        #expect(await run(script, [folder("input"), "a $HOME; b"]) == .delivered)
        let input = try #require(folder.read("input"))
        let document = try #require(try JSONSerialization.jsonObject(with: Data(input)) as? [String: Any])
        #expect(document["event"] as? String == "conflict-opened")
        #expect(document["count"] as? Int == 1)
        let more = String(decoding: folder.read("input.more") ?? [], as: UTF8.self).split(separator: "|")
        #expect(more.prefix(2) == ["conflict-opened", "a $HOME; b"])
        #expect(more.last?.trimmingCharacters(in: .whitespaces) != "\(getpgrp())")
    }

    @Test func `it inherits no descriptor, no ignored signal and no secret`() async throws {
        let folder = try TemporaryFolder()
        // One that a careless library would leave open.
        let leaky = open("/dev/null", O_RDONLY)
        defer { close(leaky) }
        signal(SIGPIPE, SIG_IGN)
        let script = #"ls /proc/self/fd > "$1"; grep SigIgn /proc/self/status > "$1.signals""#
        #expect(await run(script, [folder("fds")]) == .delivered)
        // 3 is the folder that ls reads.
        #expect(String(decoding: folder.read("fds") ?? [], as: UTF8.self) == "0\n1\n2\n3\n")
        let ignored = String(decoding: folder.read("fds.signals") ?? [], as: UTF8.self).split(
            whereSeparator: \.isWhitespace)
        // Those above 31 are the C library's own.
        #expect(try #require(ignored.last.flatMap { UInt64($0, radix: 16) }) & 0x7fff_ffff == 0)
        let passed = CommandHook.environment(
            [
                "PATH": "/bin", "TZ": "UTC", "SAVEFERRY_HOME": "/h", "SAVEFERRY_PASSPHRASE": "canary",
                "SAVEFERRY_PASSPHRASE_FILE": "/p", "SAVEFERRY_ANYTHING": "x", "NOTIFY_SOCKET": "/n",
                "WATCHDOG_USEC": "1",
                "LISTEN_FDS": "1", "SSH_AUTH_SOCK": "/s", "CREDENTIALS_DIRECTORY": "/c",
            ], event: "disk-low")
        #expect(passed == ["PATH": "/bin", "TZ": "UTC", "SAVEFERRY_HOME": "/h", "SAVEFERRY_EVENT": "disk-low"])
    }

    @Test func `its failure is said with its last line, made safe to print`() async {
        #expect(
            await run(#"echo first >&2; printf 'bad \033[2J\n' >&2; exit 3"#) == .refused(#"it exited 3: bad \x1b[2J"#))
        #expect(await run("exit 1") == .refused("it exited 1"))
        #expect(await run("kill -KILL $$") == .refused("it was ended by signal 9"))
        #expect(
            await CommandHook(words: ["/no/such/program"]).run(with: Self.notice)
                == .refused("it can't be started: No such file or directory"))
    }

    @Test func `one that writes more than a pipe holds is read to its end`() async {
        #expect(
            await run("head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo the end >&2; exit 1")
                == .refused("it exited 1: the end"))
    }

    @Test(arguments: ["sleep 600", "trap '' TERM; sleep 600 & wait; sleep 600"])
    func `one that takes too long is ended with everything it started`(_ script: String) async throws {
        let folder = try TemporaryFolder()
        let script = #"sh -c 'echo $$ > "$1"; exec sleep 601' x "$1" & "# + script
        let ended = await run(script, [folder("pid")], toRun: .milliseconds(500), toEnd: .milliseconds(300))
        #expect(ended == .refused("it was ended, because it took more than 0.5 seconds"))
        let pid = try #require(
            Int32(String(decoding: folder.read("pid") ?? [], as: UTF8.self).trimmingCharacters(in: .newlines)))
        try await eventually("what it started has ended") { isGone(pid) }
    }

    /// Whether a process has ended; one that nobody has reaped yet has.
    private func isGone(_ pid: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return true }
        return status.contains(") Z ")
    }
}
