/// One server and several devices with a few games, as the model test sees and changes them. Contents are numbers.
protocol World: AnyObject {
    /// The player saves: `content` stands on the device, with this modification time or, for nil, the one it had.
    func write(_ content: Int, device: Int, game: Int, time: Int?) async throws
    /// The player deletes the file.
    func remove(device: Int, game: Int) async throws
    /// Time goes by on the server's monotonic clock.
    func wait(seconds: Int) async throws
    /// Syncs one device. Returns how many saves were moved, removed or newly recorded.
    func sync(device: Int) async throws -> Int
    /// The user deletes the save on the server.
    func delete(game: Int) async throws
    /// The user makes a content of the save's history current again.
    func restore(_ content: Int, game: Int) async throws
    /// The user decides the open conflict.
    func resolve(device: Int, game: Int, keepDevice: Bool) async throws

    func deviceContent(device: Int, game: Int) async throws -> Int?
    func serverContent(game: Int) async throws -> Oracle.Server
    func hasConflict(device: Int, game: Int) async throws -> Bool
    /// Every content of the game that can be got back.
    func library(game: Int) async throws -> Set<Int>
}

/// The worlds' common shape.
enum Scale {
    static let devices = 3
    static let games = 3
    /// The last device removes what the server deleted.
    static func propagates(_ device: Int) -> Bool { device == devices - 1 }
    static func fileName(_ game: Int) -> String { "Game \(game).srm" }
}
