/// How long the scheduler lets pass between things.
struct Pace: Sendable {
    /// Between a run and another one that the device's coming online asks for.
    var afterRun: Duration = .seconds(30)
    /// From a run that moved something, or left something undone, to the second look.
    var quiet: Duration = .seconds(120)
    /// From a first failure to the next attempt; each further failure doubles it.
    var firstRetry: Duration = .seconds(60)
    var longestRetry: Duration = .seconds(3_600)
    /// Until a device that another process syncs is tried again.
    var busy: Duration = .seconds(15)
    /// How long another process may hold a device before that is told.
    var longHold: Duration = .seconds(1_800)
    /// After how long the devices are read anew.
    var reading: Duration = .seconds(10)
    /// How long a probe may take.
    var probe: Duration = .seconds(3)
    /// How many probes are under way at most.
    var probesAtOnce = 128

    /// Into how long the first probes, or runs, of so many new devices are spread.
    func spread(_ count: Int) -> Duration { min(.seconds(10), .milliseconds(50) * (count - 1)) }

    /// Until the next attempt after this many failures in a row.
    func retry(after failures: Int) -> Duration {
        min(longestRetry, firstRetry * (1 << min(20, failures - 1)))
    }
}
