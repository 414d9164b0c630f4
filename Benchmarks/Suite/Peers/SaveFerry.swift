import Foundation

/// The program itself, with a home of its own for each errand.
struct SaveFerry: Peer {
    let program: String
    let name: String = SaveFerry.name
    let note = "`saveferry sync`: with its library, its database, and a check of what it wrote"
    var programs: [String] { [program] }
    var versionCommand: [String] { [program, "--version"] }

    static let name: String = "SaveFerry"

    func prepare(_ errand: Errand) async throws {
        let home = home(errand)
        switch errand.action {
        case .pull:
            try home.make()
            try await home.add("full", errand.link, errand.data.layout, errand.remote)
        case .push:
            // The library has to hold what is pushed.
            try home.make()
            try await home.add("full", errand.link, errand.data.layout, errand.local)
            try await home.run("sync", "full")
            try await home.add("empty", errand.link, errand.data.layout, errand.remote)
        case .noOp, .changes, .touches:
            try await home.run("device", "edit", "full", "--port", "\(errand.link.port)")
        }
    }

    func settle(_ errand: Errand) async throws {
        try await home(errand).settle("full")
    }

    func command(_ errand: Errand) -> Invocation {
        home(errand).invocation("sync", errand.action == .push ? "empty" : "full")
    }

    func verify(_ errand: Errand, changes: Int, changed: String?) async throws {
        let count = errand.data.count + changes
        let target = errand.action == .push ? errand.remote : home(errand).library
        try FileCount(target).expect(files: count, bytes: count * errand.data.size)
    }

    func home(_ errand: Errand) -> Home { Home(path: "\(errand.state)/home", program: program) }
}
