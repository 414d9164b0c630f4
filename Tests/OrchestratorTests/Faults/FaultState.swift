#if DEBUG
    import struct Crypto.SHA256
    import Foundation
    import Planner
    import SSHClient
    import Store
    import TestSupport

    /// What stands where after a run.
    struct FaultState {
        /// Saves on each handheld, by `device/path`.
        private(set) var standing: [String: Content] = [:]
        /// What no version holds, in folder saves on the handhelds: by path in the save, wherever an interrupted run has it.
        private(set) var foreign: Set<String> = []
        /// What has a name of ours on a handheld.
        private(set) var leftovers: [String] = []
        /// The server's side: each save's current content, or that it is deleted.
        let server: [String]
        let conflicts: [String]
        /// The bytes that the library has for what the database names.
        let kept: Set<Digest>
        /// What is under a backup's name on a handheld.
        private var backups: Set<Digest> = []
        /// Files in the library that the database doesn't name.
        let unnamed: [String: Digest]
        /// What is left of runs.
        let staging: [String]
        let openSessions: Int

        /// Looks at everything. Throws when a version in the library is not what the database says.
        init(_ hub: FaultHub, home: String) async throws {
            let library = try await LibraryState(hub.store, root: "\(home)/library")
            (server, kept, unnamed, staging) = (library.server, library.kept, library.unnamed, library.staging)
            conflicts = try await hub.store.conflicts().map {
                "\($0.deviceName) \($0.identity.game) \($0.device.digest) \($0.server.digest)"
            }.sorted()
            openSessions = try await hub.store.sessions().count { $0.status == .inProgress }
            for device in ["pocket", "other"] {
                for directory in ["saves", "psp"] { look(at: "\(device)/\(directory)", home) }
            }
        }

        private mutating func look(at directory: String, _ home: String) {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(home)/\(directory)")) ?? []
            for name in names {
                let content = Content(at: "\(home)/\(directory)/\(name)")
                lookForForeignEntries(in: "\(home)/\(directory)/\(name)")
                switch Leftover.classify(Array(name.utf8)) {
                case .temporary: leftovers.append("\(directory)/\(name)")
                case .backup:
                    leftovers.append("\(directory)/\(name)")
                    backups.formUnion(content.digests)
                case nil:
                    standing["\(directory)/\(name)"] = content
                    // Inside a folder save too.
                    leftovers += content.files.keys.filter { file in
                        file.split(separator: "/").contains { Leftover.classify(Array($0.utf8)) != nil }
                    }.map { "\(directory)/\(name)/\($0)" }
                }
            }
        }

        private mutating func lookForForeignEntries(in save: String) {
            for path in FileManager.default.subpaths(atPath: save) ?? [] {
                guard ["LINK ", "empty ", "odd"].contains(where: (path as NSString).lastPathComponent.hasPrefix) else {
                    continue
                }
                foreign.insert(path)
            }
        }

        /// P1 and P2: every content that ever was can still be had, and nothing is torn.
        func check(against ever: EverWritten) throws {
            for (path, content) in standing {
                let save = path.split(separator: "/").dropFirst().joined(separator: "/")
                guard ever[save]?.contains(content) == true else { throw Broken("torn: \(path) \(content.shown)") }
            }
            let reachable = standing.values.reduce(into: kept.union(backups)) { $0.formUnion($1.digests) }
            for (save, contents) in ever {
                for content in contents where !content.digests.isSubset(of: reachable) {
                    throw Broken("lost: \(save) \(content.shown)")
                }
            }
            guard foreign.count == 8 else { throw Broken("lost what no version holds; left are \(foreign.sorted())") }
            let known = Set(ever.values.flatMap { $0 }.flatMap(\.digests))
            for (path, digest) in unnamed where !known.contains(digest) { throw Broken("torn in the library: \(path)") }
        }

        /// Whether the world has come to where a run that nothing disturbed brings it.
        func difference(from golden: FaultState) -> String? {
            var lines: [String] = []
            for path in Set(standing.keys).union(golden.standing.keys).sorted()
            where standing[path] != golden.standing[path] {
                lines.append(
                    "\(path) is \(standing[path]?.shown ?? "absent") instead of \(golden.standing[path]?.shown ?? "absent")"
                )
            }
            lines += server.filter { !golden.server.contains($0) }.map { "the server has \($0)" }
            lines += golden.server.filter { !server.contains($0) }.map { "the server lacks \($0)" }
            if conflicts != golden.conflicts { lines.append("conflicts: \(conflicts)") }
            return lines.isEmpty ? nil : lines.joined(separator: "; ")
        }
    }

    /// What the library and the database hold together.
    private struct LibraryState {
        private(set) var server: [String] = []
        private(set) var kept: Set<Digest> = []
        private(set) var unnamed: [String: Digest] = [:]
        private(set) var staging: [String] = []

        init(_ store: Store, root: String) async throws {
            var named: Set<String> = []
            for save in try await store.saves() {
                let history = try await store.history(of: save.id)
                let current = history.first(where: \.isCurrent)?.digest.description ?? "nothing"
                let identity = save.identity
                server.append(
                    "\(identity.platform)/\(identity.game)/\(identity.slot) \(save.deleted == nil ? current : "deleted")"
                )
                for version in try await store.versions(history.map(\.id)).values {
                    for entry in version.entries {
                        let path =
                            version.shape == .file ? version.libraryPath : "\(version.libraryPath)/\(entry.path.text)"
                        guard let bytes = FileManager.default.contents(atPath: "\(root)/\(path)"),
                            Digest(bytes: SHA256.hash(data: bytes)) == entry.sha256
                        else { throw Broken("the library's \(path) is not what the database says") }
                        named.insert(path)
                        kept.insert(entry.sha256)
                    }
                }
            }
            server.sort()
            for path in FileManager.default.subpaths(atPath: root) ?? [] where !named.contains(path) {
                if path.hasPrefix(".saveferry/staging/") { staging.append(path) }
                var isFolder: ObjCBool = false
                guard !path.hasPrefix(".saveferry"),
                    FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isFolder),
                    !isFolder.boolValue
                else { continue }
                unnamed[path] = FileManager.default.contents(atPath: "\(root)/\(path)").flatMap {
                    Digest(bytes: SHA256.hash(data: $0))
                }
            }
        }
    }

    extension Content {
        /// What stands at `path`: a file, or a folder with everything in it.
        init(at path: String) {
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            guard isFolder.boolValue else {
                self.init(files: ["": FileManager.default.contents(atPath: path).map(Array.init) ?? []])
                return
            }
            var files: [String: [UInt8]] = [:]
            for name in FileManager.default.subpaths(atPath: path) ?? [] {
                var info = stat()
                if lstat("\(path)/\(name)", &info) == 0, info.st_mode & S_IFMT == S_IFREG {
                    files[name] = FileManager.default.contents(atPath: "\(path)/\(name)").map(Array.init)
                }
            }
            self.init(files: files)
        }

        /// Of each file.
        var digests: Set<Digest> { Set(files.values.compactMap { Digest(bytes: SHA256.hash(data: $0)) }) }

        /// The beginnings of its files.
        var shown: String {
            files.sorted { $0.key < $1.key }.map { name, bytes in
                "\(name)«\(String(decoding: bytes.prefix(24), as: UTF8.self))» (\(bytes.count))"
            }.joined(separator: ", ")
        }
    }
#endif
