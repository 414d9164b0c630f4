import Foundation
import TestSupport

/// Files of random bytes with names of saves, the same in each run.
struct DataSet: Sendable, Hashable {
    enum Layout: Sendable, Hashable {
        /// All in one folder.
        case flat
        /// Evenly in this many folders, one for each platform.
        case folders(Int)
    }

    let count: Int
    /// Bytes of each file.
    let size: Int
    var layout = Layout.flat
    /// In front of the names of its folders, for devices that share nothing.
    var prefix = "p"

    /// `1,000 × 32 KiB`
    var title: String { "\(Format.count(count)) × \(Format.size(size))" }

    /// Where file `index` lies, relative, with a slash in front.
    func path(_ index: Int) -> String {
        let name = "Game \(String(format: "%05d", index)).srm"
        return switch layout {
        case .flat: "/\(name)"
        case .folders(let folders): "/\(prefix)\(String(format: "%02d", index % folders))/\(name)"
        }
    }

    /// Writes all of them below `folder`.
    func make(in folder: String) throws {
        if case .folders(let folders) = layout {
            for index in 0..<min(folders, count) {
                let parent = URL(fileURLWithPath: folder + path(index)).deletingLastPathComponent()
                try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
            }
        } else {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        var numbers = SplitMix64(seed: UInt64(count) &* 31 &+ UInt64(size))
        for index in 0..<count {
            try write(index, in: folder, &numbers)
        }
    }

    /// Gives `files` files other bytes of the same size, others in each `round`, and returns the path of the last one.
    func change(_ files: Int, in folder: String, round: Int) throws -> String {
        var numbers = SplitMix64(seed: UInt64(round) &+ 1 << 32)
        var last = ""
        for number in 0..<files {
            let index = (round * files + number) * 7919 % count
            try write(index, in: folder, &numbers)
            last = path(index)
        }
        return last
    }

    /// Moves the time of every file, another in each `round`, and changes no byte.
    func touch(in folder: String, round: Int) throws {
        let time = Date(timeIntervalSince1970: 1_700_000_000 + TimeInterval(round * 10))
        for index in 0..<count {
            try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: folder + path(index))
        }
    }

    private func write(_ index: Int, in folder: String, _ numbers: inout SplitMix64) throws {
        let piece = 1 << 20
        guard FileManager.default.createFile(atPath: folder + path(index), contents: nil),
            let file = FileHandle(forWritingAtPath: folder + path(index))
        else { throw BenchError("can't write \(folder + path(index))") }
        var written = 0
        while written < size {
            let length = min(piece, size - written)
            var words = [UInt64](repeating: 0, count: (length + 7) / 8)
            for word in words.indices { words[word] = numbers.next() }
            try file.write(contentsOf: words.withUnsafeBytes { Data($0.prefix(length)) })
            written += length
        }
        try file.close()
    }
}

/// How many files lie below a folder, and their bytes.
struct FileCount {
    private(set) var files = 0
    private(set) var bytes = 0

    init(_ folder: String) throws {
        let root = URL(fileURLWithPath: folder)
        let keys: [URLResourceKey] = [.isRegularFileKey, .fileSizeKey]
        guard let walk = FileManager.default.enumerator(at: root, includingPropertiesForKeys: keys) else {
            throw BenchError("can't list \(folder)")
        }
        for case let file as URL in walk where file.pathExtension == "srm" {
            files += 1
            bytes += try file.resourceValues(forKeys: Set(keys)).fileSize ?? 0
        }
    }

    func expect(files: Int, bytes: Int) throws {
        guard self.files == files, self.bytes == bytes else {
            throw BenchError("\(self.files) files with \(self.bytes) B arrived, not \(files) with \(bytes) B")
        }
    }
}
