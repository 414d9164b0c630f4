import CLibZip
import Foundation
import TestSupport
import Testing

/// Makes zips with libzip, as emulators and players make them.
enum Zip {
    enum Compression: Int32, CaseIterable {
        case stored = 0
        case deflated = 8
    }

    /// A zip with these files in this order; names may have folders in them, and end in `/` for a folder.
    static func of(
        _ files: [(name: String, bytes: [UInt8])], _ compression: Compression = .deflated, time: Int = 1_000_000_000,
        password: String? = nil
    ) throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let path = folder("a.zip")
        let archive = try #require(zip_open(path, ZIP_CREATE, nil))
        for (name, bytes) in files {
            if name.hasSuffix("/") {
                try #require(zip_dir_add(archive, name, 0) >= 0)
                continue
            }
            // libzip frees what it is given when the archive is closed.
            let copy = malloc(max(bytes.count, 1))
            bytes.withUnsafeBytes { from in
                if let start = from.baseAddress { copy?.copyMemory(from: start, byteCount: from.count) }
            }
            let source = try #require(zip_source_buffer(archive, copy, UInt64(bytes.count), 1))
            let added = zip_file_add(archive, name, source, UInt32(ZIP_FL_ENC_UTF_8))
            try #require(added >= 0)
            let index = UInt64(added)
            zip_set_file_compression(archive, index, compression.rawValue, 0)
            zip_file_set_mtime(archive, index, time, 0)
            if let password { zip_file_set_encryption(archive, index, UInt16(ZIP_EM_AES_256), password) }
        }
        try #require(zip_close(archive) == 0)
        return try #require(folder.read("a.zip"))
    }

    /// An archive with nothing in it, which libzip itself would not write (APPNOTE 4.3.16).
    static let empty: [UInt8] = [0x50, 0x4b, 0x05, 0x06] + [UInt8](repeating: 0, count: 18)
}
