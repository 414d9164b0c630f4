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

    @Test(arguments: [nil, "lost+found", ".Trash-1000"])
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
        // Also before it has versions.
        await #expect(throws: StoreError.self) { try await home.store.requireLibrary() }
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.folder("library")).isEmpty)
    }

    /// What puts something into a library.
    enum Work: CaseIterable {
        case run, retention, repair, snapshot, hiddenSnapshot

        func callAsFunction(_ home: Home) async throws {
            switch self {
            case .run: await home.store.close(try await home.store.openStaging())
            case .retention: _ = try await RetentionTests.sweep(home).run()
            case .repair: _ = try await home.library.makeOrphanPlace("anna/stray.srm", nil)
            case .snapshot: try await snapshot(in: "snapshots", home)
            case .hiddenSnapshot: try await snapshot(in: ".saveferry/snapshots", home)
            }
        }

        private func snapshot(in folder: String, _ home: Home) async throws {
            _ = try await Snapshots(folder: home.folder("library/\(folder)"), now: { Date() }).create(of: home.store)
        }
    }

    /// The disk goes away, and what it was mounted on can be written.
    private func unmount(_ home: Home) throws {
        try FileManager.default.moveItem(atPath: home.folder("library"), toPath: home.folder("away"))
        try FileManager.default.createDirectory(atPath: home.folder("library"), withIntermediateDirectories: false)
    }

    @Test(arguments: Work.allCases, [true, false])
    func `whatever is done beside an empty mount point, nothing is put there`(_ work: Work, wasUsed: Bool) async throws
    {
        var home = try await Home()
        try await home.pull("content", from: home.device())
        if !wasUsed {
            // Lost between the start and the first device that came online.
            home.store.close()
            home = try await Home(in: home.folder)
            try await home.store.requireLibrary()
        }
        try unmount(home)
        for work in [work] + Work.allCases {
            let error = await #expect(throws: StoreError.self, "\(work)") { try await work(home) }
            #expect(error?.description.contains("not there any more") == true, "\(work): \(String(describing: error))")
        }
        #expect(try FileManager.default.subpathsOfDirectory(atPath: home.folder("library")) == [])
        try FileManager.default.removeItem(atPath: home.folder("library"))
        try FileManager.default.moveItem(atPath: home.folder("away"), toPath: home.folder("library"))
        for work in Work.allCases { try await work(home) }
    }

    @Test func `a run during which the library goes away puts nothing into its place`() async throws {
        let home = try await Home()
        try await home.pull("content", from: home.device())
        let (early, late) = (try await home.store.openStaging(), try await home.store.openStaging())
        let draft = try await home.draft([("New.srm", "new")], as: Home.identity("New"), in: early)
        try unmount(home)
        await #expect(throws: StoreError.self) {
            _ = try await home.library.store([draft], from: early).map { try $0.get() }
        }
        await #expect(throws: StoreError.self) { try await late.make() }
        await home.library.reserveFolders(for: (0..<64).map { Home.identity("Game \($0)") }, in: late)
        #expect(try FileManager.default.subpathsOfDirectory(atPath: home.folder("library")) == [])
    }
}
