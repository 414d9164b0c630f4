/// A value for each of many saves, under the save's key.
///
/// The values lie in the order in which the saves were listed, and that is the order to go through them: with very many,
/// going through a dictionary takes most of its time to wait for memory. Tables made from one another share their keys.
public struct SaveTable<Value: Sendable>: Sendable {
    /// All values, in listed order.
    public private(set) var values: [Value]
    private var layout: SaveTableLayout

    /// The values under their keys, which stand in the same order.
    init(_ values: [Value], under keys: KeyPositions) {
        self.values = values
        layout = SaveTableLayout(keys)
    }

    private init(_ values: [Value], _ layout: SaveTableLayout) {
        self.values = values
        self.layout = layout
    }

    /// How many values there are.
    public var count: Int { values.count }

    /// The value under this key; nil where there is none, or to take it out.
    public subscript(key: SaveKey) -> Value? {
        get { layout.keys.position(of: key).map { values[$0] } }
        set {
            switch (layout.keys.position(of: key), newValue) {
            case (let position?, let newValue?): values[position] = newValue
            case (let position?, nil):
                values.remove(at: position)
                layout = SaveTableLayout(KeyPositions(layout.keys.keys.filter { $0 != key }))
            case (nil, let newValue?):
                values.append(newValue)
                layout = SaveTableLayout(KeyPositions(layout.keys.keys + [key]))
            case (nil, nil): break
            }
        }
    }

    /// What `transform` makes of each value, under the same keys.
    public func mapValues<Other>(_ transform: (Value) -> Other) -> SaveTable<Other> {
        SaveTable<Other>(values.map(transform), layout)
    }

    /// The same value under each of these keys.
    public func filled<Other>(with value: Other) -> SaveTable<Other> {
        SaveTable<Other>(Array(repeating: value, count: count), layout)
    }

    /// Whether the values of both stand under the same keys in the same order: one table was made from the other.
    func isAligned<Other>(with other: SaveTable<Other>) -> Bool { layout === other.layout }
}

private final class SaveTableLayout: Sendable {
    let keys: KeyPositions

    init(_ keys: KeyPositions) { self.keys = keys }
}
