/// What is worth a line in the log.
enum DeviceNews: Sendable {
    case cameOnline, wentAway
    /// The device fails, or fails for another reason than before.
    case failing(DeviceFailure)
    case stillFailing(DeviceFailure)
    case back(failures: Int, after: Duration)
    /// Another process has held it for so long.
    case held(DeviceFailure, Duration)
    /// No more, after it was told.
    case free(after: Duration)
}
