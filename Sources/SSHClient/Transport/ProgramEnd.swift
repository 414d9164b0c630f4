/// How a program on the device ended (RFC 4254, section 6.10).
enum ProgramEnd: Hashable, Sendable {
    case exited(Int32)
    /// The signal's name without `SIG`, for example `KILL`.
    case signal(String)
    /// The device said neither, or the connection ended before.
    case untold

    /// The end of a sentence such as "it ended …".
    var words: String {
        switch self {
        case .exited(let status): "with exit status \(status)"
        case .signal(let name): "by the signal \(name)"
        case .untold: "without an exit status"
        }
    }
}
