import Foundation
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import SSHClient

/// Sessions with servers that a seed decides (``ScriptedServer``): listing, reading and replacing at once, whatever is answered.
/// Nothing may be taken for a file that it is not of, nothing may be missing from a listing, nothing may hang.
/// `SAVEFERRY_SCRIPT=SEED` runs one alone, `SAVEFERRY_SCRIPTS=COUNT` so many; `make servers` runs 200,000.
@Suite(.serialized) struct ScriptedServerTests {
    @Test func `whatever a server answers, nothing is stored under a name that it was not read from`() async throws {
        let environment = ProcessInfo.processInfo.environment
        if let only = environment["SAVEFERRY_SCRIPT"].flatMap(UInt64.init) {
            print("scripted server: seed \(only): \(await run(only).steps.sorted().joined(separator: ", "))")
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            print("scripted server: \(ScriptedServer(seed: only, on: loop).habits)")
            return
        }
        let count = environment["SAVEFERRY_SCRIPTS"].flatMap { Int($0) } ?? (triesServers ? 200_000 : 200)
        var reached: [String: Int] = [:]
        // The first ones fill what is kept for the whole process.
        _ = await tally(0..<min(UInt64(count), 2_000), into: &reached)
        let before = residentBytes()
        await tally(min(UInt64(count), 2_000)..<UInt64(count), into: &reached)
        let grown = residentBytes() - before
        let shown = reached.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        print("scripted server: \(count) scripts; that reached: \(shown); \(grown >> 20) MiB more memory")
        #expect(reached["stored", default: 0] >= count / 2)
        // Other tests run beside the sample.
        if count > 2_000 { #expect(grown < 128 << 20) }
    }

    private func tally(_ seeds: Range<UInt64>, into reached: inout [String: Int]) async {
        await withTaskGroup(of: Set<String>.self) { group in
            var seeds = seeds.makeIterator()
            func add() {
                guard let seed = seeds.next() else { return }
                group.addTask { await run(seed).steps }
            }
            for _ in 0..<2 * ProcessInfo.processInfo.activeProcessorCount { add() }
            while let steps = await group.next() {
                for step in steps { reached[step, default: 0] += 1 }
                add()
            }
        }
    }

    private func run(_ seed: UInt64) async -> Story {
        do {
            return try await finish("script \(seed) ends") { await Story.run(seed) }
        } catch {
            Issue.record("seed \(seed): \(error)")
            return Story()
        }
    }

    private func residentBytes() -> Int {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return (fields?.dropFirst().first.flatMap { Int($0) } ?? 0) * Int(getpagesize())
    }
}

/// One session with one server, and what it came to.
private struct Story: Sendable {
    /// What happened at least once.
    var steps: Set<String> = []

    /// All of it on one event loop, so that a seed always tells the same.
    static func run(_ seed: UInt64) async -> Story {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        return await withTaskExecutorPreference(EventLoopTaskExecutor(eventLoop: loop)) { await tell(seed, on: loop) }
    }

    private static func tell(_ seed: UInt64, on loop: any EventLoop) async -> Story {
        let server = ScriptedServer(seed: seed, on: loop)
        var numbers = SplitMix64(seed: ~seed)
        let early = Bool.random(using: &numbers)
        let directories = server.directories.map { RemotePath($0) }
        var story = Story()
        let sftp: SFTPClient
        do {
            sftp = try await SFTPClient.start(over: server, toList: early ? directories : [])
        } catch {
            return story
        }
        story.steps.insert("begun")
        let puts = (0..<3).filter { _ in Int.random(in: 0..<3, using: &numbers) == 0 }
        let known = Set(server.files.keys)
        let session = Session(
            sftp: sftp, seed: seed, known: known, tellsSize: Bool.random(using: &numbers))
        await withTaskGroup(of: Set<String>.self) { group in
            for directory in directories {
                group.addTask(executorPreference: sftp.taskExecutor) { await session.take(directory, of: server) }
            }
            for put in puts {
                let path = "/d0/p\(put)"
                group.addTask(executorPreference: sftp.taskExecutor) {
                    await session.put(path, isNew: !known.contains(path), on: server)
                }
            }
            for await steps in group { story.steps.formUnion(steps) }
        }
        if await sftp.sharesHandles { story.steps.insert("one at a time") }
        if await !sftp.worksInOrder { story.steps.insert("out of order") }
        await sftp.close()
        guard let (left, count) = try? await loop.submit({ (server.files.mapValues(\.bytes), server.steps) }).get()
        else {
            return story
        }
        session.judge(left)
        if count >= ScriptedServer.mostSteps { Issue.record("seed \(seed): the session does not end") }
        return story
    }

    private struct Session: Sendable {
        let sftp: SFTPClient
        let seed: UInt64
        /// The files that were there from the start.
        let known: Set<String>
        let tellsSize: Bool

        /// Lists a directory and reads its files, as a run does.
        func take(_ directory: RemotePath, of server: ScriptedServer) async -> Set<String> {
            guard let entries = try? await sftp.list(directory) else { return ["not listed"] }
            var steps: Set = ["listed"]
            let names = Set(entries.map { "\(directory.appending($0.name))" })
            if server.isHonest, !known.filter({ $0.hasPrefix("\(directory)/f") }).isSubset(of: names) {
                // Where that shows only later, the session must end.
                let code = await code { for _ in 0..<64 { _ = try await sftp.attributes(of: directory) } }
                if code == nil { Issue.record("seed \(seed): the listing of \(directory) lacks something") }
                steps.insert("listing taken back")
            }
            await withTaskGroup(of: Set<String>.self) { group in
                for entry in entries where entry.attributes.kind == .file {
                    let path = directory.appending(entry.name)
                    group.addTask(executorPreference: sftp.taskExecutor) {
                        await read(path, entry.attributes.size)
                    }
                }
                for await more in group { steps.formUnion(more) }
            }
            return steps
        }

        private func read(_ path: RemotePath, _ size: UInt64) async -> Set<String> {
            for attempt in 0..<2 {
                let sink = Chunks()
                do {
                    let read = try await sftp.read(path, expecting: tellsSize && attempt == 0 ? size : nil) {
                        await sink.append($0)
                    }
                    guard read.before == read.after, read.byteCount == read.after.size else { continue }
                    let bytes = await sink.bytes
                    judge(bytes, path, read)
                    return ["read", "stored"]
                } catch let error as SSHError where error.code == .mixedUp {
                    continue
                } catch {
                    return ["not read"]
                }
            }
            return ["not read"]
        }

        private func judge(_ bytes: [UInt8], _ path: RemotePath, _ read: FileRead) {
            let name = "\(path)"
            if read.before.kind == .directory { Issue.record("seed \(seed): \(path) is a directory") }
            if UInt64(bytes.count) != read.byteCount { Issue.record("seed \(seed): \(path) is not as long as said") }
            guard !ScriptedServer.isContent(bytes, of: name) else { return }
            Issue.record("seed \(seed): what was read of \(path) is not of that file")
        }

        func put(_ path: String, isNew: Bool, on server: ScriptedServer) async -> Set<String> {
            let bytes = Array(ScriptedServer.content(of: path, 1).prefix(100))
            for _ in 0..<2 {
                do {
                    try await sftp.put(bytes, to: path, modified: 1_600_000_000, overwriting: !isNew)
                } catch let error as SSHError where error.code == .mixedUp {
                    continue
                } catch {
                    return ["not replaced"]
                }
                let stands = try? await sftp.eventLoopFiles(of: server, path)
                if let stands, stands != bytes { Issue.record("seed \(seed): \(path) was replaced by something else") }
                return ["replaced"]
            }
            return ["not replaced"]
        }

        /// What is left on the device is each file's own.
        func judge(_ left: [String: [UInt8]]) {
            for (path, bytes) in left where path.contains("/f") || path.contains("/p") {
                guard !ScriptedServer.isContent(bytes, of: path) else {
                    continue
                }
                Issue.record("seed \(seed): \(path) has a content on the device that is not its own")
            }
            for path in known where left[path] == nil && !path.contains("/p") {
                Issue.record("seed \(seed): \(path) is gone")
            }
        }
    }
}

extension SFTPClient {
    fileprivate func eventLoopFiles(of server: ScriptedServer, _ path: String) async throws -> [UInt8]? {
        try await server.eventLoop.submit { server.files[path]?.bytes }.get()
    }
}
