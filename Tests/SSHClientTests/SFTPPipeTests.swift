import Foundation
import TestSupport
import Testing

@testable import SSHClient

extension ServerTests {
    /// The client against OpenSSH's own sftp-server, without the SSH in between.
    @Suite struct SFTPPipeTests {
        let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
        }

        private func start(_ arguments: String...) async throws -> SFTPClient {
            try await SFTPClient.start(over: PipeStream.start(arguments))
        }

        // MARK: Listing

        @Test func `many directories are listed at once`() async throws {
            for index in 0..<200 { try folder.write("x", to: "d\(index)/file\(index)") }
            let sftp = try await start()
            try await withThrowingTaskGroup(of: Void.self) { [folder] group in
                for index in 0..<200 {
                    group.addTask {
                        let names = try await sftp.names(in: folder("d\(index)"))
                        #expect(names == ["file\(index)"])
                    }
                }
                try await group.waitForAll()
            }
        }

        @Test(arguments: [0, 1, 100, 1_500]) func `a directory of any length is listed whole`(_ count: Int) async throws
        {
            for index in 0..<count { try folder.write([], to: "f\(index)") }
            let sftp = try await start()
            #expect(try await sftp.names(in: folder.path) == folder.everything())
        }

        @Test func `a listing says what each entry is`() async throws {
            try folder.write("12345", to: "file")
            try folder.setTime(1_600_000_000, of: "file")
            try folder.write("", to: "directory/below")
            try FileManager.default.createSymbolicLink(atPath: folder("link"), withDestinationPath: "file")
            let sftp = try await start()
            let entries = try await sftp.list(RemotePath(folder.path)).sorted {
                $0.name.lexicographicallyPrecedes($1.name)
            }
            #expect(entries.map(\.attributes.kind) == [.directory, .file, .symlink])
            #expect(entries[1].attributes.size == 5 && entries[1].attributes.modified == 1_600_000_000)
        }

        // MARK: Reading

        @Test(arguments: [nil, 0, 1, 99_999, 100_000, 100_001, 5_000_000, UInt64.max])
        func `a file is read as far as expected, or whole when that is more`(_ expecting: UInt64?) async throws {
            let bytes = content(100_000)
            try folder.write(bytes, to: "file")
            let (got, read) = try await start().get(folder("file"), expecting: expecting)
            let most = Int(min(expecting ?? 100_000, 100_000))
            #expect(got == Array(bytes.prefix(most)))
            #expect(read.byteCount == UInt64(most) && read.before.size == 100_000 && read.before == read.after)
        }

        @Test(arguments: [nil, 0, 7] as [UInt64?]) func `an empty file is read as nothing`(_ expecting: UInt64?)
            async throws
        {
            try folder.write([], to: "empty")
            let (got, read) = try await start().get(folder("empty"), expecting: expecting)
            #expect(got.isEmpty && read.byteCount == 0 && read.after.size == 0)
        }

        @Test func `many files are read at once, never more open than are allowed`() async throws {
            for index in 0..<300 { try folder.write(content(40_000, seed: index), to: "f\(index)") }
            let pipe = try await PipeStream.start()
            let sftp = try await SFTPClient.start(over: pipe)
            // When the second one is opened, the server has said how many it can have open. From then on the shortest round
            // trip, and with it their number, only falls.
            for _ in 0..<2 { _ = try await sftp.get(folder("f0"), expecting: 40_000) }
            let allowed = await sftp.allowedOpenFiles
            #expect((64...512).contains(allowed))
            let most = try await withThrowingTaskGroup(of: Int.self) { [folder] group in
                for index in 0..<300 {
                    group.addTask {
                        let got = try await sftp.get(folder("f\(index)"), expecting: 40_000)
                        #expect(got.bytes == content(40_000, seed: index))
                        return pipe.openFiles(in: folder.path) ?? 2
                    }
                }
                return try await group.reduce(0, max)
            }
            #expect(most > 1 && most <= allowed)
            try await eventually("every file is closed") { pipe.openFiles(in: folder.path) ?? 0 == 0 }
        }

        @Test func `a file that is not there is said to be missing, and the session goes on`() async throws {
            try folder.write("here", to: "file")
            let sftp = try await start()
            #expect(await code { _ = try await sftp.get(folder("missing")) } == .noSuchFile)
            #expect(await code { _ = try await sftp.list(RemotePath(folder("missing"))) } == .noSuchFile)
            #expect(await code { _ = try await sftp.attributes(of: RemotePath(folder("missing"))) } == .noSuchFile)
            #expect(await code { _ = try await sftp.put([1], to: folder("missing/file")) } == .noSuchFile)
            #expect(try await sftp.get(folder("file")).bytes == Array("here".utf8))
        }

        // MARK: Replacing

        @Test func `many files are replaced at once`() async throws {
            for index in 0..<150 { try folder.write("old", to: "f\(index)") }
            let sftp = try await start()
            try await withThrowingTaskGroup(of: Void.self) { [folder] group in
                for index in 0..<300 {
                    group.addTask {
                        let stands = try await sftp.put(
                            content(20_000, seed: index), to: folder("f\(index)"), modified: 1_500_000_000)
                        #expect(stands.size == 20_000 && stands.modified == 1_500_000_000)
                    }
                }
                try await group.waitForAll()
            }
            for index in 0..<300 { #expect(folder.read("f\(index)") == content(20_000, seed: index)) }
            #expect(folder.everything().count == 300)
        }

        /// What a server lacks must not show in the result.
        static let servers: [[String]] = [
            [], ["-P", "posix-rename"], ["-P", "fsync,fstatvfs"], ["-P", "posix-rename,fsync,limits,statvfs"],
        ]

        @Test(arguments: servers, [0, 5, 3_000_000]) func `new content stands there alone`(
            _ arguments: [String], _ size: Int
        ) async throws {
            try folder.write("old", to: "file")
            let sftp = try await SFTPClient.start(over: PipeStream.start(arguments))
            #expect(sftp.capabilities.atomicReplace == !arguments.joined().contains("posix-rename"))
            try await sftp.put(content(size), to: folder("file"))
            try await sftp.put(content(size), to: folder("new"))
            #expect(folder.read("file") == content(size) && folder.read("new") == content(size))
            #expect(folder.everything() == ["file", "new"])
        }

        @Test(arguments: servers) func `when the last check fails the old content stays, and nothing else`(
            _ arguments: [String]
        ) async throws {
            try folder.write("old", to: "file")
            let sftp = try await SFTPClient.start(over: PipeStream.start(arguments))
            await #expect(throws: CancellationError.self) {
                try await sftp.put(content(50_000), to: folder("file")) { throw CancellationError() }
            }
            #expect(folder.read("file") == Array("old".utf8) && folder.everything() == ["file"])
        }

        /// Servers that make hard links, that don't (FAT), and that have no other rename.
        static let renames: [[String]] = [[], ["-P", "rename"], ["-P", "posix-rename"], ["-P", "fsync,fstatvfs"]]

        @Test(arguments: renames)
        func `what appears in an empty place stays, where nothing does the new content arrives`(
            _ arguments: [String]
        ) async throws {
            let sftp = try await SFTPClient.start(over: PipeStream.start(arguments))
            let code = await code { [folder] in
                try await sftp.put(content(50_000), to: folder("file"), overwriting: false) {
                    try folder.write("appeared", to: "file")
                }
            }
            #expect(code == .failure)
            #expect(folder.read("file") == Array("appeared".utf8) && folder.everything() == ["file"])
            try await sftp.put(content(50_000), to: folder("new"), modified: 1_500_000_000, overwriting: false)
            #expect(folder.read("new") == content(50_000) && folder.everything() == ["file", "new"])
        }

        @Test(arguments: servers) func `a symbolic link is not replaced`(_ arguments: [String]) async throws {
            try folder.write("old", to: "file")
            try FileManager.default.createSymbolicLink(atPath: folder("link"), withDestinationPath: "file")
            let sftp = try await SFTPClient.start(over: PipeStream.start(arguments))
            #expect(await code { try await sftp.put(content(50_000), to: folder("link")) } == .unsupported)
            let leadsTo = try FileManager.default.destinationOfSymbolicLink(atPath: folder("link"))
            #expect(leadsTo == "file")
            #expect(folder.read("file") == Array("old".utf8) && folder.everything() == ["file", "link"])
            for (name, isLink) in [("link", true), ("file", false), ("missing", false)] {
                let found = try await sftp.isLink(RemotePath(folder(name)))
                #expect(found == isLink, "\(name)")
            }
        }

        @Test(arguments: servers) func `a name as long as names can be is replaced`(_ arguments: [String]) async throws
        {
            let name = String(repeating: "n", count: 255)
            try folder.write("old", to: name)
            let sftp = try await SFTPClient.start(over: PipeStream.start(arguments))
            try await sftp.put(content(50_000), to: folder(name))
            #expect(folder.read(name) == content(50_000) && folder.everything() == [name])
        }

        @Test func `what waits in a folder of its own is listed by its place`() async throws {
            let sftp = try await start("-P", "posix-rename")
            let name = String(repeating: "n", count: 255)
            try folder.write("old", to: name)
            let aside = try await sftp.setAside(RemotePath(folder(name)))
            let entries = try await sftp.listWithBackups(RemotePath(folder.path))
            #expect(entries.map { Leftover.classify($0.name) } == [.backup(of: Array(name.utf8))])
            try await sftp.putBack(aside)
            #expect(folder.read(name) == Array("old".utf8) && folder.everything() == [name])
        }

        @Test(arguments: servers) func `a source that gives too little or too much replaces nothing`(
            _ arguments: [String]
        )
            async throws
        {
            try folder.write("old", to: "file")
            let pipe = try await PipeStream.start(arguments)
            let sftp = try await SFTPClient.start(over: pipe)
            for size in [UInt64(9), 11] {
                let source = Chunks(content(10))
                let code = await code { [folder] in
                    _ = try await sftp.replace(
                        RemotePath(folder("file")), size: size, modified: nil, source: { await source.next($0) },
                        beforeSwap: {})
                }
                #expect(code == .failure)
            }
            #expect(folder.read("file") == Array("old".utf8) && folder.everything() == ["file"])
            try await eventually("every file is closed") { pipe.openFiles(in: folder.path) ?? 0 == 0 }
        }

        @Test func `a source that throws replaces nothing`() async throws {
            try folder.write("old", to: "file")
            let sftp = try await start()
            await #expect(throws: CancellationError.self) {
                _ = try await sftp.replace(
                    RemotePath(folder("file")), size: 9, modified: nil, source: { _ in throw CancellationError() },
                    beforeSwap: {})
            }
            #expect(folder.read("file") == Array("old".utf8) && folder.everything() == ["file"])
        }

        @Test func `a source may give more at a time than it was asked for`() async throws {
            let sftp = try await start("-P", "limits")
            let source = Chunks(content(200_000))
            _ = try await sftp.replace(
                RemotePath(folder("file")), size: 200_000, modified: nil, source: { _ in await source.next(200_000) },
                beforeSwap: {})
            #expect(folder.read("file") == content(200_000))
        }

        @Test func `a read-only server refuses, and the old content stays`() async throws {
            try folder.write("old", to: "file")
            let sftp = try await start("-R")
            #expect(await code { try await sftp.put([1, 2], to: folder("file")) } == .permissionDenied)
            #expect(await code { try await sftp.remove(RemotePath(folder("file"))) } == .permissionDenied)
            #expect(folder.read("file") == Array("old".utf8) && folder.everything() == ["file"])
        }

        // MARK: The rest

        @Test func `directories are made and removed, files renamed and removed`() async throws {
            let sftp = try await start()
            let directory = RemotePath(folder("directory"))
            try await sftp.makeDirectory(directory)
            #expect(try await sftp.canonicalPath(of: directory.appending("..")) == RemotePath(folder.path))
            #expect(await code { try await sftp.makeDirectory(directory) } == .failure)
            try await sftp.put([1], to: folder("directory/a"))
            #expect(await code { try await sftp.removeDirectory(directory) } == .failure)
            try await sftp.rename(directory.appending("a"), to: directory.appending("b"))
            #expect(folder.read("directory/b") == [1])
            try await sftp.remove(directory.appending("b"))
            try await sftp.removeDirectory(directory)
            #expect(folder.everything().isEmpty)
        }

        @Test func `free space is told, or nil where the server can't`() async throws {
            let told = try await start().freeSpace(at: RemotePath(folder.path))
            let room = try #require(told)
            #expect(room.freeBytes > 0 && room.freeBytes <= room.totalBytes && !room.isReadOnly)
            #expect(try await start("-P", "statvfs").freeSpace(at: RemotePath(folder.path)) == nil)
        }

        @Test func `when the server ends, what waits fails and so does what comes after`() async throws {
            // More than is read ahead, and no bytes on the disk.
            try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write([], to: "file"))).truncate(
                atOffset: 16 << 20)
            let pipe = try await PipeStream.start()
            let sftp = try await SFTPClient.start(over: pipe)
            let during = await code { [folder] in
                _ = try await sftp.read(RemotePath(folder("file"))) { _ in kill(pipe.pid, SIGKILL) }
            }
            #expect(during == .disconnected)
            #expect(await code { _ = try await sftp.list(RemotePath(folder.path)) } == .disconnected)
            await sftp.close()
        }
    }
}

extension SFTPClient {
    /// How many files may be open at once.
    fileprivate var allowedOpenFiles: Int { openFiles.units }
}
