/// Which save on the device is which on the server: looked up once for all parts of a plan.
struct Matches {
    /// One for each save on the device, in listed order: the place in ``SyncScopeIndex/rows`` of what the server has of
    /// it, or nil where it has nothing.
    let rows: [Int?]
    /// One for each row of the scope: where the device has its save.
    let presences: [Presence]

    /// Where the device has a save of the server's.
    enum Presence { case nowhere, inOnePlace, inSeveral }

    init(_ pairing: Pairing, _ scope: SyncScopeIndex) {
        var presences = Array(repeating: Presence.nowhere, count: scope.rows.count)
        rows = pairing.saves.values.map { save in
            guard let row = scope.row(save.identity.key) else { return nil }
            presences[row] = .inOnePlace
            return row
        }
        for clash in pairing.clashes {
            if let row = scope.row(clash.identity.key) { presences[row] = .inSeveral }
        }
        self.presences = presences
    }
}
