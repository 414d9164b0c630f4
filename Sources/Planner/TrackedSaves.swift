/// How the saves that were tracked in one place fare in this run. Saves already known to be gone don't count.
struct TrackedSaves {
    var present = 0
    var lost = 0
    /// Of those that are lost: put back in this run, or deleted on the server, too, where others are put back.
    var returning = 0
    var changed = 0
    /// The times of those that changed although their time went back, in seconds since 1970 by the device's clock.
    var timesGoneBack: [Int64] = []
    var placeHoldsFiles = false

    var all: Int { present + lost }

    /// The valve that these numbers close, unless the user opened it.
    ///
    /// - Parameter sinceLastRun: seconds by the server's clock since the last run of the device that went through to its end;
    ///   nil where that is not known.
    func verdict(isOtherCard: Bool, sinceLastRun: Int64?, allowed: Set<Valve>) -> (Valve, String)? {
        // Nothing is left to be deduced where all that vanished is put back.
        let isUndecided = returning < lost
        if lost == all, lost >= 2, !placeHoldsFiles, isUndecided {
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
                    + "there; nothing in it was touched. Put the card back if it was taken out."
            )
        }
        if all >= 4, (lost + changed) * 2 > all, !allowed.contains(.cardChanged), let sinceLastRun,
            !canBeWritten(within: sinceLastRun)
        {
            return (
                .cardChanged,
                "\(lost + changed) of \(all) saves are missing or different, with older times, and too far apart for the time "
                    + "since the last run: it looks like another card; nothing in it was touched. Put the card back if "
                    + "it was taken out."
            )
        }
        if all >= 4, lost * 2 > all, placeHoldsFiles, isUndecided, !allowed.contains(.massDeletion) {
            return (.massDeletion, "\(lost) of \(all) saves vanished at once; nothing in it was touched.")
        }
        if all >= 20, changed == all, !allowed.contains(.massChange) {
            return (.massChange, "all \(all) saves changed at once; nothing in it was touched.")
        }
        return nil
    }

    /// Whether the device may have written what changed in this many seconds, whatever its clock says.
    ///
    /// A clock that is wrong, begins anew at every start or was set in between is no reason to ask. While it runs, it runs like
    /// any other: what was written since the last run lies no further apart than that run is ago, a day allowed for a change of
    /// the time zone; or in two such stretches, where the clock was set between the writes. Saves that were played on another
    /// card lie in more.
    private func canBeWritten(within seconds: Int64) -> Bool {
        let stretch = max(0, seconds) + 86_400
        var stretches = 0
        var end = Int64.min
        for time in timesGoneBack.sorted() where time > end {
            stretches += 1
            end = time.addingReportingOverflow(stretch).overflow ? .max : time + stretch
        }
        return stretches <= 2
    }

    /// For each directory as a whole, and for each platform folder in it.
    static func count(_ input: PlanInput, _ places: Places) -> [(place: Place, saves: TrackedSaves)] {
        let pairing = input.pairing
        var tally = TrackedSavesByPlace(places)
        for (row, presence) in zip(pairing.scope.rows, pairing.presences) {
            guard let directory = row.trackedDirectory else { continue }
            switch presence {
            case .nowhere:
                tally.countAbsent(
                    row.baseline, in: directory, isReturning: input.putBack?.decides(whatIsGone: row) == true)
            case .inSeveralPlaces: tally.countAbsent(row.baseline, in: directory)
            case .inStep: tally.count(in: directory, path: row.inStepFile?.path) { $0.present += 1 }
            case .once(let position):
                var isChanged = false
                var timeGoneBack: Int64?
                if let read = input.readContent(at: Int(position)), let agreed = row.agreedDigest, read.digest != agreed
                {
                    isChanged = true
                    if let last = row.baseline?.modified, read.modified < last { timeGoneBack = read.modified }
                }
                tally.count(in: directory, path: row.baseline?.path) {
                    $0.present += 1
                    if isChanged { $0.changed += 1 }
                    if let timeGoneBack { $0.timesGoneBack.append(timeGoneBack) }
                }
            }
        }
        for baseline in pairing.scope.strayBaselines.values {
            if let directory = baseline.trackedDirectory { tally.countAbsent(baseline, in: directory) }
        }
        for listing in pairing.listings {
            guard case .listed(let contents) = listing.state else { continue }
            // Where no platform has a folder of its own, one file is enough.
            let files = places.isDivided(listing.directory.id) ? contents.files[...] : contents.files.prefix(1)
            for file in files {
                tally.count(in: listing.directory.id, path: file.path) { $0.placeHoldsFiles = true }
            }
        }
        return tally.counts
    }
}

/// The counts of every place that was listed, added up.
private struct TrackedSavesByPlace {
    private(set) var counts: [(place: Place, saves: TrackedSaves)] = []
    private var positions: [Place: Int] = [:]
    /// The place counted last, with its position and its directory's: saves of one place mostly follow each other.
    private var last: (place: Place, isDivided: Bool, whole: Int, part: Int)?
    private let places: Places

    init(_ places: Places) { self.places = places }

    /// Changes the counts of the directory, and of the platform's folder in it where there is one.
    mutating func count(
        in directory: Int64, path: @autoclosure () -> RelativePath?, _ change: (inout TrackedSaves) -> Void
    ) {
        if last?.place.directory != directory || last?.isDivided != false {
            guard places.isListed(directory), let path = path() else { return }
            let place = places.place(of: path, in: directory)
            if last?.place != place {
                let whole = position(of: Place(directory: directory, platformFolder: nil))
                last = (place, places.isDivided(directory), whole, position(of: place))
            }
        }
        guard let last else { return }
        change(&counts[last.whole].saves)
        if last.part != last.whole { change(&counts[last.part].saves) }
    }

    /// Counts a save that does not stand in one place.
    mutating func countAbsent(_ baseline: Baseline?, in directory: Int64, isReturning: Bool = false) {
        let isLost = baseline.flatMap { places.target(of: $0) }?.side == .absent
        count(in: directory, path: baseline?.path) {
            if isLost { $0.lost += 1 } else { $0.present += 1 }
            if isLost, isReturning { $0.returning += 1 }
        }
    }

    private mutating func position(of place: Place) -> Int {
        if let known = positions[place] { return known }
        positions[place] = counts.count
        counts.append((place, TrackedSaves()))
        return counts.count - 1
    }
}

extension Baseline {
    /// The newest time under which the save was last seen, or nil where none is known.
    fileprivate var modified: Int64? { entries.map(\.stamp.modified).max() }

    /// The directory in which the valves count it, or nil where they don't.
    var trackedDirectory: Int64? { isGone || isUntracked || agreement == .forgotten ? nil : directory }
}
