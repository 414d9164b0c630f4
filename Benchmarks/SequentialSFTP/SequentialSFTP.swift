import Foundation

/// The common pattern: libssh2's own SFTP calls on a blocking socket, one file after the other, one request at a time
/// (inside of one file libssh2 itself asks ahead by up to four buffers).
///
///     sequential-sftp pull|push|check PORT USER KEY-FILE REMOTE LOCAL
///
/// `pull` and `push` copy every file of a folder and its subfolders and look at each afterwards; `check` looks at each
/// and exits 1 when one has another size or time. The host key is not checked: it is for measuring on loopback.
@main
struct SequentialSFTP {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.count == 6, let port = UInt16(words[1]) else {
            FileHandle.standardError.write(
                Data("usage: sequential-sftp pull|push|check PORT USER KEY-FILE REMOTE LOCAL\n".utf8))
            exit(2)
        }
        do {
            let session = try BlockingSession(port: port, user: words[2], keyFile: words[3])
            let loop = Loop(session: session, remote: words[4], local: words[5])
            switch words[0] {
            case "pull": try loop.pull("")
            case "push": try loop.push("")
            default: try loop.check("")
            }
        } catch {
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            exit(1)
        }
    }
}

/// Goes through two folders, file by file.
struct Loop {
    let session: BlockingSession
    let remote: String
    let local: String

    func pull(_ folder: String) throws {
        try FileManager.default.createDirectory(atPath: local + folder, withIntermediateDirectories: true)
        for entry in try session.list(remote + folder) {
            let path = "\(folder)/\(entry.name)"
            if entry.attributes.isFolder {
                try pull(path)
            } else {
                let attributes = try session.attributes(of: remote + path)
                guard FileManager.default.createFile(atPath: local + path, contents: nil),
                    let file = FileHandle(forWritingAtPath: local + path)
                else { throw Failure("can't write \(local + path)") }
                try session.read(remote + path) { try file.write(contentsOf: $0) }
                try file.close()
                var times = [attributes.time, attributes.time].map { timeval(tv_sec: $0, tv_usec: 0) }
                utimes(local + path, &times)
            }
        }
    }

    func push(_ folder: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: local + folder) {
            let path = "\(folder)/\(name)"
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: local + path, isDirectory: &isFolder), isFolder.boolValue {
                try session.makeFolder(remote + path)
                try push(path)
            } else {
                guard let file = FileHandle(forReadingAtPath: local + path) else { throw Failure("can't read \(path)") }
                let size = try session.write(remote + path) { try file.read(upToCount: BlockingSession.bufferSize) }
                guard try session.attributes(of: remote + path).size == size else {
                    throw Failure("\(path) arrived with another size")
                }
            }
        }
    }

    func check(_ folder: String) throws {
        for entry in try session.list(remote + folder) {
            let path = "\(folder)/\(entry.name)"
            if entry.attributes.isFolder {
                try check(path)
            } else {
                let there = try session.attributes(of: remote + path)
                var here = stat()
                guard stat(local + path, &here) == 0, there.size == UInt64(here.st_size),
                    there.time == here.st_mtim.tv_sec
                else { throw Failure("\(path) differs") }
            }
        }
    }
}
