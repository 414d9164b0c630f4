/// What holds for all devices.
public struct ScheduleSettings: Hashable, Sendable {
    /// For devices without a schedule of their own; nil syncs none of them by itself.
    public var fallback: Schedule?
    /// How often it is looked whether a device is online; nil doesn't look, and syncs by the schedule alone.
    public var wake: Duration?

    /// Every 10 seconds: what holds when nothing is set.
    public static let standardWake: Duration = .seconds(10)

    /// What a setting for ``wake`` looks like, for error messages.
    public static let wakeExpectation = "an interval from 5s to 1h such as 10s, or off"

    /// Every 15 minutes and every 10 seconds unless told otherwise.
    public init(fallback: Schedule? = .standard, wake: Duration? = standardWake) {
        self.fallback = fallback
        self.wake = wake
    }

    /// Reads `10s` or `off` (nil) for ``wake``. Throws a sentence that says what is wrong.
    public static func wake(_ text: String) throws(ScheduleError) -> Duration? {
        if text == "off" { return nil }
        guard let seconds = Schedule.seconds(text), (5...3_600).contains(seconds) else {
            throw ScheduleError("\"\(text)\" can't be used; expected \(wakeExpectation)")
        }
        return .seconds(seconds)
    }
}
