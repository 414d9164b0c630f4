#if DEBUG
    /// One fault for one run, for tests: what goes wrong, and where.
    ///
    /// As text `KIND@SEAM:POINT`, for example `kill@sftp:17`; a `+` at its end means "from there on". The program takes it from
    /// the variable `SAVEFERRY_FAULT`. Release builds have neither the variable nor the seams.
    public struct Fault: Hashable, Sendable, CustomStringConvertible {
        /// Where bytes leave or enter.
        public enum Seam: String, Sendable, CaseIterable {
            /// Requests to a device's SFTP server.
            case sftp
            /// File calls in the library and the staging.
            case file
            /// Reads and writes of the database.
            case database
        }

        /// What goes wrong.
        public enum Kind: String, Sendable, CaseIterable {
            /// The process is killed before the call is made.
            case kill
            /// The process is killed when the call has been carried out.
            case killAfter = "kill-after"
            /// The connection breaks before the request leaves.
            case reset
            /// The connection breaks when the request has been carried out and before its answer is seen.
            case resetAfter = "reset-after"
            /// The device falls silent before the request arrives.
            case hang
            /// The device falls silent when it has the request.
            case hangAfter = "hang-after"
            /// The call is refused without a reason: FAILURE from a server, EIO from the system, IOERR from SQLite.
            case failure
            /// The call is carried out and then said to have failed.
            case failureAfter = "failure-after"
            /// PERMISSION_DENIED, EACCES.
            case permissionDenied = "permission-denied"
            /// No room: FAILURE from a server, ENOSPC from the system, FULL from SQLite.
            case noSpace = "no-space"
            /// The file system lacks the call (EINVAL).
            case unsupported
            /// Half of the bytes are written, and the server says so.
            case shortWrite = "short-write"
            /// Half of the bytes are written, and the server says that it was all.
            case silentShortWrite = "silent-short-write"
            /// Half of the bytes that were asked for are given.
            case shortRead = "short-read"
        }

        /// What goes wrong.
        public let kind: Kind
        /// Where.
        public let seam: Seam
        /// Which call at the seam, counted from 0.
        public let point: Int
        /// Whether every later call at the seam that could change something meets the same fault.
        public let isLasting: Bool

        /// A fault; see the properties.
        public init(_ kind: Kind, _ seam: Seam, _ point: Int, isLasting: Bool = false) {
            self.kind = kind
            self.seam = seam
            self.point = point
            self.isLasting = isLasting
        }

        /// Reads the text form; nil for anything else.
        public init?(_ text: String) {
            let isLasting = text.hasSuffix("+")
            let parts = (isLasting ? text.dropLast() : text[...]).split(separator: "@").map(String.init)
            let place = parts.count == 2 ? parts[1].split(separator: ":").map(String.init) : []
            guard place.count == 2, let kind = Kind(rawValue: parts[0]), let seam = Seam(rawValue: place[0]),
                let point = Int(place[1])
            else { return nil }
            self.init(kind, seam, point, isLasting: isLasting)
        }

        /// The text form.
        public var description: String { "\(kind.rawValue)@\(seam.rawValue):\(point)\(isLasting ? "+" : "")" }
    }
#endif
