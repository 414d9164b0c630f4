/// The safety limits that close for a whole place: nothing is deduced from a directory that looks wrong.
struct DirectoryValves {
    /// In the order of the directories, then by platform folder.
    private(set) var halts: [Halt] = []
    /// The cards to remember for directories that are not closed, by the directory's number.
    private(set) var cards: [Int64: CardIdentity] = [:]
    private var closed: [Place: Halt] = [:]

    /// Whether any valve closed for a place.
    var areClosed: Bool { !closed.isEmpty }

    init(_ input: PlanInput, places: Places) {
        let tracked = Dictionary(grouping: TrackedSaves.count(input, places), by: \.place.directory)
        for listing in input.pairing.listings {
            let directory = listing.directory
            let path = FileName.escaped(directory.path)
            switch listing.state {
            case .missing:
                close(
                    Place(directory: directory.id, platformFolder: nil), .directoryMissing, path,
                    "the directory does not exist on the device; nothing in it was compared. "
                        + "Check that the card is inserted and the path is right. It is never made from here, because its "
                        + "card may not be mounted: where it is to begin anew, make it on the device.")
            case .unreadable(let reason):
                close(
                    Place(directory: directory.id, platformFolder: nil), .directoryUnreadable, path,
                    "the directory can't be listed (\(reason)); nothing in it was compared.")
            case .listed(let contents):
                let known = input.pairing.scope.card(of: directory.id)
                for folder in contents.unreadable {
                    halts.append(
                        Halt(
                            valve: .directoryUnreadable, directory: "\(path)/\(folder.path)",
                            message: "the folder can't be listed (\(folder.reason)); nothing in it was compared."))
                }
                // The directory as a whole comes first: where it is closed, its platform folders need no word of their own.
                for (place, counts) in (tracked[directory.id] ?? [])
                    .sorted(by: { ($0.place.platformFolder ?? "") < ($1.place.platformFolder ?? "") })
                {
                    let isOtherCard = place.platformFolder == nil && listing.isOnOtherCard(than: known)
                    guard halt(over: place) == nil,
                        let (valve, message) = counts.verdict(
                            isOtherCard: isOtherCard, sinceLastRun: input.sinceLastRun, allowed: input.allowed)
                    else { continue }
                    let shown = path + (place.platformFolder.map { "/" + FileName.escaped($0) } ?? "")
                    close(place, valve, shown, message)
                }
                if listing.isToBeRemembered(insteadOf: known),
                    halt(over: Place(directory: directory.id, platformFolder: nil)) == nil
                {
                    cards[directory.id] = listing.card
                }
            }
        }
    }

    /// The halt that rules over a place, or nil.
    func halt(over place: Place) -> Halt? {
        closed[place] ?? closed[Place(directory: place.directory, platformFolder: nil)]
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

    fileprivate func isToBeRemembered(insteadOf known: CardIdentity?) -> Bool {
        guard let known, let card else { return card != nil }
        return !card.canBe(known) || card.saysMore(than: known)
    }
}
