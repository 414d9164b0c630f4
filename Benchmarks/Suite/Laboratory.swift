import Foundation
import TestSupport

/// The servers on loopback, the links to them, and the folders that everything happens in.
actor Laboratory {
    /// Which SSH server plays the handheld.
    enum Server: String, Codable, Sendable { case openSSH = "OpenSSH", dropbear }

    /// Where the programs of this package are.
    nonisolated let programs: String
    private let folder: TemporaryFolder
    private var openSSH: OpenSSHServer?
    private var dropbear: DropbearServer?
    private var links: [String: Link] = [:]
    private var sources: [DataSet: String] = [:]
    private var folders = 0
    private var calm = ContinuousClock.now

    init(programs: String) throws {
        self.programs = programs
        folder = try TemporaryFolder()
    }

    /// The link to this server with this round trip in milliseconds; made when it is first asked for.
    func link(_ server: Server, _ roundTrip: Int) async throws -> Link {
        let key = "\(server)-\(roundTrip)"
        if let link = links[key] { return link }
        let link = try await Link(
            to: try await port(of: server), roundTrip: roundTrip, proxyProgram: "\(programs)/delay-proxy")
        links[key] = link
        return link
    }

    private func port(of server: Server) async throws -> Int {
        switch server {
        case .openSSH:
            let running = if let openSSH { openSSH } else { try await OpenSSHServer(.forMeasuring) }
            openSSH = running
            return running.port
        case .dropbear:
            if let reason = await DropbearServer.whatIsMissing() { throw BenchError(reason) }
            let running = if let dropbear { dropbear } else { try await DropbearServer() }
            dropbear = running
            return running.port
        }
    }

    /// A folder that holds these files, for reading only; made when it is first asked for.
    func source(_ data: DataSet) throws -> String {
        if let source = sources[data] { return source }
        let source = try freshFolder()
        try data.make(in: source)
        sources[data] = source
        return source
    }

    /// A new empty folder. Never the place of an old one.
    func freshFolder() throws -> String {
        folders += 1
        let path = folder("\(folders)")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    /// Removes a folder with so many files in it.
    ///
    /// ext4 passes over inodes that were freed in the last 5 s, which makes new files slow: ``rest()`` waits for that.
    func discard(_ path: String, files: Int) throws {
        try FileManager.default.removeItem(atPath: path)
        for (data, source) in sources where source == path { sources[data] = nil }
        if files > 100 { calm = .now + .seconds(6) }
    }

    /// Removes the files that are read; they are made again when they are asked for.
    func discardSource(_ data: DataSet) throws {
        if let source = sources[data] { try discard(source, files: data.count) }
    }

    /// Waits until removed files are no longer in the way.
    func rest() async throws {
        try await Task.sleep(until: calm)
    }
}
