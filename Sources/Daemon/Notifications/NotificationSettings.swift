/// Who is told of what, and when something is worth telling.
public struct NotificationSettings: Hashable, Sendable {
    /// Who is told.
    public var targets: [NotificationTarget]
    /// Failed runs in a row after which a device counts as failing; at least 1.
    public var failingAfter: Int
    /// Below what a disk is low on room.
    public var diskLimit: DiskLimit

    /// Settings; nobody is told anything unless there are targets.
    public init(targets: [NotificationTarget] = [], failingAfter: Int = 3, diskLimit: DiskLimit = .standard) {
        self.targets = targets
        self.failingAfter = failingAfter
        self.diskLimit = diskLimit
    }
}

/// One who is told.
public struct NotificationTarget: Hashable, Sendable {
    /// Where notices go, and in which form.
    public enum Place: Hashable, Sendable {
        /// An ntfy server's topic, with an access token where it needs one (https://docs.ntfy.sh/publish/).
        case ntfy(server: WebAddress, topic: String, tokenFile: String?)
        /// A Gotify server, with the application's token (https://gotify.net/docs/pushmsg).
        case gotify(server: WebAddress, tokenFile: String)
        /// A Discord webhook (https://discord.com/developers/docs/resources/webhook#execute-webhook).
        case discord(WebAddress)
        /// The same; the file's first line is the webhook's URL.
        case discordFile(path: String)
        /// Any server that takes our own JSON; the file's first line is one more header, `Name: value`.
        case json(WebAddress, headerFile: String?)
        /// A program and its arguments, started without a shell.
        case command([String])
    }

    /// Where to.
    public let place: Place
    /// Of what.
    public let events: Set<Notice.Kind>
    /// How many at the most.
    public let rate: RateLimit

    /// A target; of everything unless told otherwise.
    public init(_ place: Place, events: Set<Notice.Kind> = Set(Notice.Kind.allCases), rate: RateLimit = .standard) {
        self.place = place
        self.events = events
        self.rate = rate
    }

    /// Whether both have the same form, so that one may be what an edit made of the other.
    func isForSameService(as other: NotificationTarget) -> Bool {
        switch (place, other.place) {
        case (.ntfy, .ntfy), (.gotify, .gotify), (.json, .json), (.command, .command): true
        case (.discord, .discord), (.discord, .discordFile), (.discordFile, .discord), (.discordFile, .discordFile):
            true
        default: false
        }
    }

    /// The form and the host, or the program: nothing of a URL that may be secret.
    public var name: String {
        switch place {
        case .ntfy(let server, _, _): "ntfy at \(server.host)"
        case .gotify(let server, _): "gotify at \(server.host)"
        case .discord(let address): "discord at \(address.host)"
        case .discordFile: "discord"
        case .json(let address, _): "json at \(address.host)"
        case .command(let words): "command \(words.first ?? "")"
        }
    }
}
