/// The handles of one SFTP session: which are open, and whether the server gives one to several files.
///
/// A handle names one open file (draft-ietf-secsh-filexfer-02, section 6.3). Some servers give a handle again while it is open
/// (Erlang's ssh_sftpd); what they then answer is about another file than was asked for. Pure: it is told what is sent and what
/// comes back. Requests are known by their position in what was sent.
struct HandleTable {
    /// What stands for one opening, so that who opened it can ask later.
    final class Opening {
        /// Whether the server gave its handle to another opening too: nothing that was answered for it counts.
        fileprivate(set) var isShared = false
    }

    private var open: [[UInt8]: [Opening]] = [:]
    /// For handles that were closed: the first request that may be given them again.
    private var freeFrom: [[UInt8]: UInt64] = [:]
    /// How many requests that name a handle are not answered.
    private var busy: [[UInt8]: Int] = [:]
    /// Positions of what is to open something and is not answered, in their order.
    private var unanswered: [UInt64] = []
    /// Whether the server has given one handle to several files.
    private(set) var hasShared = false

    /// Whether nothing is open, and nothing under way that opens something.
    var isEmpty: Bool { open.isEmpty && unanswered.isEmpty }

    /// Whether every OPEN before `position` is answered.
    func knowsOpenings(before position: UInt64) -> Bool { unanswered.first.map { $0 >= position } ?? true }

    /// An OPEN was sent.
    mutating func opens(at position: UInt64) { unanswered.append(position) }

    /// A request was sent that names `handle`.
    mutating func uses(_ handle: [UInt8]) { busy[handle, default: 0] += 1 }

    /// Such a request was answered.
    mutating func used(_ handle: [UInt8]) {
        let count = busy[handle] ?? 0
        busy[handle] = count > 1 ? count - 1 : nil
    }

    /// An OPEN was answered with `handle`, or refused with nil.
    mutating func opened(_ handle: [UInt8]?, at position: UInt64) {
        if let index = unanswered.firstIndex(of: position) { unanswered.remove(at: index) }
        if let handle { add(handle, openedAt: position) }
        forgetClosed()
    }

    private mutating func add(_ handle: [UInt8], openedAt position: UInt64) {
        let opening = Opening()
        let others = open[handle] ?? []
        if !others.isEmpty || busy[handle] != nil || position < freeFrom[handle] ?? 0 {
            hasShared = true
            opening.isShared = true
            for other in others { other.isShared = true }
        }
        open[handle] = others + [opening]
    }

    /// A CLOSE was answered, whatever the answer was.
    ///
    /// - Parameter freeFrom: the position of the first request that may be given the handle again: the CLOSE's own where the
    ///   server works in order, that of the next request to be sent where it does not.
    mutating func closed(_ handle: [UInt8], freeFrom position: UInt64) {
        guard var openings = open[handle] else { return }
        openings.removeFirst()
        open[handle] = openings.isEmpty ? nil : openings
        if openings.isEmpty { freeFrom[handle] = position }
        forgetClosed()
    }

    /// What no OPEN under way is too early for needs not be remembered.
    private mutating func forgetClosed() {
        guard let oldest = unanswered.first else {
            freeFrom = [:]
            return
        }
        if freeFrom.count > 1_024 { freeFrom = freeFrom.filter { $0.value > oldest } }
    }

    /// The last opening that was answered with `handle` and is not closed. All openings of one handle are shared alike.
    func opening(of handle: [UInt8]) -> Opening { open[handle]?.last ?? Opening() }
}

extension SFTPRequest {
    /// What a request does to the table of handles.
    enum HandleUse {
        case opens
        case uses([UInt8])
        case closes([UInt8])
        case none
    }

    var handleUse: HandleUse {
        switch self {
        case .openRead, .openNew, .openDirectory: .opens
        case .close(let handle): .closes(handle)
        case .read(let handle, _, _), .write(let handle, _, _), .fstat(let handle), .setTimes(let handle, _),
            .setPermissions(.handle(let handle), _), .setOwnership(.handle(let handle), _), .readDirectory(let handle),
            .fsync(let handle):
            .uses(handle)
        case .setPermissions(.path, _), .setOwnership(.path, _), .stat, .lstat, .remove, .makeDirectory,
            .removeDirectory, .realPath, .readLink, .rename, .posixRename,
            .statvfs, .limits:
            .none
        }
    }
}
