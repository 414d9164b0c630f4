extension Collection<Double> {
    /// The middle value, or the mean of the two in the middle; nil without any.
    public var median: Double? {
        let values = sorted()
        guard !values.isEmpty else { return nil }
        let middle = values.count / 2
        return values.count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2
    }
}
