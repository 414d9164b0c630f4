import Synchronization

/// A value that holds until another one is put in its place.
public final class InForce<Value: Sendable>: Sendable {
    private let current: Mutex<Value>

    /// In force from now on.
    public init(_ value: Value) {
        current = Mutex(value)
    }

    /// What holds now.
    public var value: Value {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}
