/// A key that can say its own hash at once, or quicker than through a `Hasher`.
protocol HashedKey: Equatable, Sendable {
    /// Equal for equal keys.
    var hash: Int { get }
}

/// Where each of many keys stands: a hash table of numbers, with the keys themselves in the order in which they were added.
///
/// A `Dictionary` from keys to positions does the same, but has to look into the object of every key that it meets on its
/// way to the right one. Here a part of the hash stands in the table and tells most of them apart. Equal hashes prove
/// nothing: the keys are compared before one is taken for another.
struct KeyPositions<Key: HashedKey>: Sendable {
    /// In the order in which they were added: the position of a key is its place here.
    private(set) var keys: [Key] = []
    /// A power of two, at least twice as many as there are keys, so that there is always a free one.
    private var slots: [Slot]

    private struct Slot {
        /// The key's place, or -1 in a free slot.
        var position: Int32
        /// The upper half of its hash. The lower half says where to look first.
        var hash: UInt32
    }

    init(capacity: Int) {
        keys.reserveCapacity(capacity)
        var size = 16
        while size < 2 * capacity { size *= 2 }
        slots = Array(repeating: Slot(position: -1, hash: 0), count: size)
    }

    /// Adds a key after all others, or returns the position that it already has.
    mutating func add(_ key: Key) -> Int? {
        if 2 * (keys.count + 1) > slots.count {
            let grown = keys
            self = KeyPositions(capacity: 2 * slots.count)
            for key in grown { _ = add(key) }
        }
        let hash = key.hash
        let index = slot(of: key, hash)
        if slots[index].position >= 0 { return Int(slots[index].position) }
        slots[index] = Slot(position: Int32(keys.count), hash: upperHalf(hash))
        keys.append(key)
        return nil
    }

    /// The position of a key, or nil when it was not added.
    func position(of key: Key) -> Int? {
        let position = slots[slot(of: key, key.hash)].position
        return position < 0 ? nil : Int(position)
    }

    /// The slot that holds the key, or the free one where it would be put: the first from the place that its hash names.
    private func slot(of key: Key, _ hash: Int) -> Int {
        let upper = upperHalf(hash)
        var index = hash & (slots.count - 1)
        while slots[index].position >= 0 {
            if slots[index].hash == upper, keys[Int(slots[index].position)] == key { break }
            index = (index + 1) & (slots.count - 1)
        }
        return index
    }

    private func upperHalf(_ hash: Int) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) }
}
