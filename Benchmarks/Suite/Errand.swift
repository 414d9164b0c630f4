/// What a peer is to do once: between which folders, over which link.
struct Errand: Sendable {
    /// What is to be done. The first two begin with an empty place; the others find what was brought there before.
    enum Action: String, Sendable { case pull, push, noOp, changes, touches }

    let action: Action
    /// What lies in the folder that is full.
    let data: DataSet
    /// Absolute, on the server's side.
    let remote: String
    /// Absolute, on the client's side. SaveFerry has its library instead.
    let local: String
    /// A folder for what the peer keeps for itself.
    let state: String
    let link: Link

    /// The same places and another task.
    func with(_ action: Action, over link: Link) -> Errand {
        Errand(action: action, data: data, remote: remote, local: local, state: state, link: link)
    }
}

/// A command line.
struct Invocation: Sendable {
    let executable: String
    let arguments: [String]
    let environment: [String: String]

    /// What every command gets: no agent takes part.
    static let common = ["SSH_AUTH_SOCK": ""]

    init(_ executable: String, _ arguments: [String], environment: [String: String] = [:]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment.merging(Self.common) { $1 }
    }
}

/// What went wrong, in words.
struct BenchError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
