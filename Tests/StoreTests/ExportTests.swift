import Foundation
import Planner
import TestSupport
import Testing

@testable import Store

/// Versions that leave the library: whole and checked, or not at all.
@Suite struct ExportTests {
    let home: Home
    let save: SaveSummary
    let folderSave: SaveSummary

    init() async throws {
        home = try await Home()
        let device = try await home.device()
        let id = try await home.pull("old", from: device)
        try await home.pull("new", from: device)
        save = try await home.save(id)
        let identity = Home.identity("ULUS1")
        let version = try await home.stored(
            [("a", "1"), ("deep/b", "2")], as: identity, shape: .folder, named: "ULUS1")
        let commit = PullCommit(
            operation: nil, device: device.id, over: nil, identity: identity, directory: device.directories[0].id,
            path: try #require(RelativePath("ULUS1")), shape: .folder, content: Home.content(version), version: version)
        folderSave = try await home.save(try await home.commitPull(commit))
        try FileManager.default.createDirectory(atPath: home.folder("out"), withIntermediateDirectories: true)
    }

    func text(_ path: String) -> String? { home.folder.read("out/" + path).map { String(decoding: $0, as: UTF8.self) } }

    func export(_ save: SaveSummary, _ version: Int? = nil, to path: String, replaces: Bool = false) async throws {
        _ = try await home.store.export(
            save: save, version: version, to: home.folder(path), replaces: replaces)
    }

    /// Everything in the folder that exports go to; nothing temporary may be among it.
    func out() throws -> [String] {
        (try FileManager.default.subpathsOfDirectory(atPath: home.folder("out"))).sorted()
    }

    @Test func `the current version, or any other`() async throws {
        try await export(save, to: "out/a.srm")
        try await export(save, 1, to: "out/b.srm")
        #expect(text("a.srm") == "new" && text("b.srm") == "old")
        #expect(try out() == ["a.srm", "b.srm"])
    }

    @Test func `a folder save becomes a folder`() async throws {
        try await export(folderSave, to: "out/card")
        #expect(text("card/a") == "1" && text("card/deep/b") == "2")
        #expect(try out() == ["card", "card/a", "card/deep", "card/deep/b"])
    }

    @Test func `a path that is a folder gets it under its own name`() async throws {
        try await export(save, to: "out")
        try await export(folderSave, to: "out")
        #expect(try out() == ["Metroid.srm", "ULUS1", "ULUS1/a", "ULUS1/deep", "ULUS1/deep/b"])
    }

    @Test func `nothing is replaced unless that is wanted`() async throws {
        try home.folder.write("mine", to: "out/a.srm")
        try home.folder.write("mine", to: "out/ULUS1/mine")
        for (save, path) in [(save, "out/a.srm"), (folderSave, "out"), (save, "out/a.srm/x")] {
            await #expect(throws: StoreError.self) { try await export(save, to: path) }
        }
        #expect(try out() == ["ULUS1", "ULUS1/mine", "a.srm"] && text("a.srm") == "mine")
        try await export(save, to: "out/a.srm", replaces: true)
        try await export(folderSave, to: "out", replaces: true)
        #expect(try out() == ["ULUS1", "ULUS1/a", "ULUS1/deep", "ULUS1/deep/b", "a.srm"] && text("a.srm") == "new")
    }

    @Test func `a file never takes the place of a folder, nor a folder that of a file`() async throws {
        try home.folder.write("mine", to: "out/Metroid.srm/mine")
        try home.folder.write("mine", to: "out/ULUS1")
        for save in [save, folderSave] {
            let error = try await #require(throws: StoreError.self) {
                try await export(save, to: "out", replaces: true)
            }
            #expect(error.code == .alreadyExists)
        }
        #expect(try out() == ["Metroid.srm", "Metroid.srm/mine", "ULUS1"])
    }

    @Test func `a damaged version is not exported, and what stood there stays`() async throws {
        let history = try await home.store.history(of: save.id)
        try home.folder.write("tampered", to: "library/\(history[0].libraryPath)")
        let folder = try #require(try await home.store.history(of: folderSave.id).first)
        try FileManager.default.removeItem(atPath: home.library.path(of: folder.libraryPath + "/deep/b"))
        try home.folder.write("mine", to: "out/a.srm")
        let error = try await #require(throws: StoreError.self) {
            try await export(save, to: "out/a.srm", replaces: true)
        }
        #expect(error.code == .corrupt && error.advice.contains("verify --repair"))
        await #expect(throws: StoreError.self) { try await export(folderSave, to: "out/card") }
        #expect(try out() == ["a.srm"] && text("a.srm") == "mine")
    }

    @Test func `what can't be exported says so`() async throws {
        let version = try await #require(throws: StoreError.self) { try await export(save, 9, to: "out/a") }
        #expect(version.code == .notFound && version.advice.contains("saveferry history \(save.id)"))
        let place = try await #require(throws: StoreError.self) { try await export(save, to: "no/such/a") }
        #expect(place.code == .notFound)
        #expect(!FileManager.default.fileExists(atPath: home.folder("no")))
    }
}
