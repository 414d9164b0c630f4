import Foundation
import TestSupport
import Testing

@testable import Store

/// A library whose disk is not mounted.
@Suite struct LibraryPresenceTests {
    /// A home that was closed after a save was recorded.
    private func used() async throws -> TemporaryFolder {
        let home = try await Home()
        try await home.pull("content", from: home.device())
        home.store.close()
        return home.folder
    }

    @Test func `one that is not there is refused where versions are recorded, and is not made`() async throws {
        let folder = try await used()
        try FileManager.default.moveItem(atPath: folder("library"), toPath: folder("away"))
        let home = try await Home(in: folder)
        let error = await #expect(throws: StoreError.self) { try await home.store.requireLibrary() }
        #expect(error?.description.hasPrefix("the library \(folder("library")) is not there, and versions") == true)
        #expect(!FileManager.default.fileExists(atPath: folder("library")))
        try FileManager.default.moveItem(atPath: folder("away"), toPath: folder("library"))
        try await home.store.requireLibrary()
    }

    @Test(arguments: [nil, "lost+found"])
    func `an empty mount point is refused, until somebody says that it is to be used`(_ name: String?) async throws {
        let folder = try await used()
        try FileManager.default.removeItem(atPath: folder("library"))
        try FileManager.default.createDirectory(
            atPath: folder("library/\(name ?? "")"), withIntermediateDirectories: true)
        let home = try await Home(in: folder)
        let error = await #expect(throws: StoreError.self) { try await home.store.requireLibrary() }
        #expect(error?.description.contains("is empty, and versions are recorded") == true)
        #expect(error?.description.hasSuffix("make the folder \(folder("library/.saveferry")).") == true)
        try FileManager.default.createDirectory(
            atPath: folder("library/.saveferry"), withIntermediateDirectories: false)
        try await home.store.requireLibrary()
    }

    @Test func `one that came back without its hidden folder is the library`() async throws {
        let folder = try await used()
        try FileManager.default.removeItem(atPath: folder("library/.saveferry"))
        try await Home(in: folder).store.requireLibrary()
    }

    @Test func `one that has no versions yet is made`() async throws {
        let home = try await Home()
        try await home.store.requireLibrary()
        #expect(FileManager.default.fileExists(atPath: home.folder("library")))
    }

    @Test func `one that went away takes nothing in`() async throws {
        let home = try await Home()
        await (try await home.library.openStaging()).discard()
        try FileManager.default.moveItem(atPath: home.folder("library"), toPath: home.folder("away"))
        try FileManager.default.createDirectory(atPath: home.folder("library"), withIntermediateDirectories: false)
        let error = await #expect(throws: StoreError.self) { try await home.library.openStaging() }
        #expect(error?.description.contains("is not there any more") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.folder("library")).isEmpty)
    }
}
