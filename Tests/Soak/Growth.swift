import TestSupport

/// Whether a process took more and more over its life: its second sixth beside its last sixth.
///
/// Of memory the medians; of descriptors the least, since a run that is under way has some, and one that was forgotten stays
/// in every sample.
struct Growth: Codable, Sendable {
    struct Pair: Codable, Sendable {
        let early: Double
        let late: Double
    }

    let resident: Pair
    let anonymous: Pair
    let descriptors: Pair

    /// Nil where the samples are too few for sixths.
    init?(_ samples: [Sample]) {
        guard let first = samples.first?.at, let last = samples.last?.at, samples.count >= 12 else { return nil }
        let sixth = (last - first) / 6
        let early = samples.filter { $0.at >= first + sixth && $0.at <= first + 2 * sixth }
        let late = samples.filter { $0.at >= last - sixth }
        func medians(_ value: (Sample) -> Int) -> Pair? {
            guard let early = early.map({ Double(value($0)) }).median, let late = late.map({ Double(value($0)) }).median
            else { return nil }
            return Pair(early: early, late: late)
        }
        guard let resident = medians(\.resident), let anonymous = medians(\.anonymous),
            let few = early.map(\.descriptors).min(), let fewLate = late.map(\.descriptors).min()
        else { return nil }
        (self.resident, self.anonymous) = (resident, anonymous)
        descriptors = Pair(early: Double(few), late: Double(fewLate))
    }

    /// Memory may waver by a tenth and 8 MiB.
    var isMemorySteady: Bool {
        [resident, anonymous].allSatisfy { $0.late <= $0.early * 1.1 + Double(8 << 20) }
    }

    /// A device that hangs in one sixth and not in the other makes a difference of a few.
    var areDescriptorsSteady: Bool { descriptors.late <= descriptors.early + 4 }
}
