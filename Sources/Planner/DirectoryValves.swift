/// The safety limits that close for a whole place: nothing is deduced from a directory that looks wrong.
struct DirectoryValves {
    /// In the order of the directories, then by platform folder.
    private(set) var halts: [Halt] = []
    /// The cards to remember for directories that are not closed, by the directory's number.
    private(set) var cards: [Int64: CardIdentity] = [:]
    private var closed: [Place: Halt] = [:]
    private let places: Places

    init(_ input: PlanInput, places: Places) {
        self.places = places
        let tracked = TrackedSaves.count(input, places)
        for listing in input.listings {
            let directory = listing.directory
            let path = FileName.escaped(directory.path)
            switch listing.state {
            case .missing:
                close(
                    Place(directory: directory.id, platformFolder: nil), .directoryMissing, path,
                    "the directory does not exist on the device; nothing in it was compared. "
                        + "Check that the card is inserted and the path is right.")
            case .unreadable(let reason):
                close(
                    Place(directory: directory.id, platformFolder: nil), .directoryUnreadable, path,
                    "the directory can't be listed (\(reason)); nothing in it was compared.")
            case .listed(let contents):
                let known = input.scope.card(of: directory.id)
                for folder in contents.unreadable {
                    halts.append(
                        Halt(
                            valve: .directoryUnreadable, directory: "\(path)/\(folder.path)",
                            message: "the folder can't be listed (\(folder.reason)); nothing in it was compared."))
                }
                // The directory as a whole comes first: where it is closed, its platform folders need no word of their own.
                for (place, counts) in tracked.filter({ $0.key.directory == directory.id })
                    .sorted(by: { ($0.key.platformFolder ?? "") < ($1.key.platformFolder ?? "") })
                {
                    let isOtherCard = place.platformFolder == nil && listing.isOnOtherCard(than: known)
                    guard halt(over: place) == nil,
                        let (valve, message) = counts.verdict(isOtherCard: isOtherCard, allowed: input.allowed)
                    else { continue }
                    let shown = path + (place.platformFolder.map { "/" + FileName.escaped($0) } ?? "")
                    close(place, valve, shown, message)
                }
                if known == nil || listing.isOnOtherCard(than: known),
                    halt(over: Place(directory: directory.id, platformFolder: nil)) == nil
                {
                    cards[directory.id] = listing.card
                }
            }
        }
    }

    /// The halt that rules over a place, or nil.
    func halt(over place: Place?) -> Halt? {
        guard let place else { return nil }
        return closed[place] ?? closed[Place(directory: place.directory, platformFolder: nil)]
    }

    private mutating func close(_ place: Place, _ valve: Valve, _ directory: String, _ message: String) {
        let halt = Halt(valve: valve, directory: directory, message: message)
        halts.append(halt)
        closed[place] = halt
    }
}

extension DirectoryListing {
    /// Whether this can't be the known card. What is not known says nothing.
    fileprivate func isOnOtherCard(than known: CardIdentity?) -> Bool {
        guard let known, let card else { return false }
        return !card.canBe(known)
    }
}

/// How the saves that were tracked in one place fare in this run. Saves already known to be gone don't count.
private struct TrackedSaves {
    var present = 0
    var lost = 0
    var changed = 0
    var placeHoldsFiles = false

    var all: Int { present + lost }

    /// The valve that these numbers close, unless the user opened it.
    func verdict(isOtherCard: Bool, allowed: Set<Valve>) -> (Valve, String)? {
        if lost == all, lost >= 2, !placeHoldsFiles {
            if allowed.contains(.directoryEmptied) { return nil }
            return (
                .directoryEmptied,
                "it held \(lost) saves and is empty now; nothing was put there or counted as deleted."
            )
        }
        // A card that was copied, or got another number, still has most of them as they were.
        if isOtherCard, (present - changed) * 2 < all, !allowed.contains(.cardChanged) {
            return (
                .cardChanged,
                "it is on another card than last time, and \(lost + changed) of \(all) saves are missing or different "
                    + "there; nothing in it was touched. Put the card back, or let it pass if the card was replaced."
            )
        }
        if all >= 4, lost * 2 > all, placeHoldsFiles, !allowed.contains(.massDeletion) {
            return (.massDeletion, "\(lost) of \(all) saves vanished at once; nothing in it was touched.")
        }
        if all >= 20, changed == all, !allowed.contains(.massChange) {
            return (.massChange, "all \(all) saves changed at once; nothing in it was touched.")
        }
        return nil
    }

    /// For each directory as a whole, and for each platform folder in it.
    static func count(_ input: PlanInput, _ places: Places) -> [Place: TrackedSaves] {
        var counts: [Place: TrackedSaves] = [:]
        func tally(_ path: RelativePath, in directory: Int64, _ change: (inout TrackedSaves) -> Void) {
            let whole = Place(directory: directory, platformFolder: nil)
            let part = places.place(of: path, in: directory)
            change(&counts[whole, default: TrackedSaves()])
            if part != whole { change(&counts[part, default: TrackedSaves()]) }
        }
        let identities = Dictionary(
            input.scope.saves.map { ($0.id, $0.identity.key) }, uniquingKeysWith: { first, _ in first })
        for baseline in input.scope.baselines where !baseline.isGone && !baseline.isUntracked {
            guard let directory = baseline.directory, places.isListed(directory) else { continue }
            if let key = identities[baseline.saveID], input.pairing.saves[key] != nil {
                tally(baseline.path, in: directory) { $0.present += 1 }
                if let agreed = baseline.digest, case .read(let content) = input.knowledge[key],
                    content.digest != agreed
                {
                    tally(baseline.path, in: directory) { $0.changed += 1 }
                }
            } else if places.target(of: baseline)?.side == .absent {
                tally(baseline.path, in: directory) { $0.lost += 1 }
            } else {
                tally(baseline.path, in: directory) { $0.present += 1 }
            }
        }
        for listing in input.listings {
            guard case .listed(let contents) = listing.state else { continue }
            // Listed files of one folder follow each other, and one of them is enough.
            var last: Place?
            for file in contents.files {
                let place = places.place(of: file.path, in: listing.directory.id)
                if place == last { continue }
                last = place
                tally(file.path, in: listing.directory.id) { $0.placeHoldsFiles = true }
            }
        }
        return counts
    }
}
