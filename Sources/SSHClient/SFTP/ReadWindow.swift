/// What of one file was asked for, and what the answers mean. Pure: it says what to ask, and is told what came.
struct ReadWindow {
    /// A part of the file.
    struct Piece: Hashable {
        let offset: UInt64
        /// Bytes.
        let length: Int
    }

    /// What an answer with data means for the piece that was asked for.
    enum Outcome: Hashable {
        case complete
        /// Servers may give less than asked for: this is to be asked for now, before all else.
        case rest(Piece)
    }

    /// Bytes up to which to read: as listed or opened, less when the file turns out to be shorter.
    var size: UInt64
    /// Bytes that came, from the beginning.
    private(set) var delivered: UInt64 = 0
    /// What has not been answered, in the order of the file; the first is the next to be handed over.
    private(set) var asked: [Piece] = []
    private var nextOffset: UInt64 = 0

    init(size: UInt64) {
        self.size = size
    }

    /// Whether nothing is left to ask for.
    var isAllAsked: Bool { nextOffset >= size }

    /// The piece to ask for next, of at most `length` bytes; nil when nothing is left.
    func next(upTo length: Int) -> Piece? {
        isAllAsked ? nil : Piece(offset: nextOffset, length: Int(min(UInt64(length), size - nextOffset)))
    }

    /// `piece`, which was the next, is asked for.
    mutating func ask(_ piece: Piece) {
        asked.append(piece)
        nextOffset += UInt64(piece.length)
    }

    /// Takes the first of ``asked``, whose answer is looked at next; nil when nothing is asked for.
    mutating func take() -> Piece? { asked.isEmpty ? nil : asked.removeFirst() }

    /// A piece that was taken was answered with `count` bytes: more than none, and no more than it has.
    mutating func answered(_ piece: Piece, with count: Int) -> Outcome {
        delivered += UInt64(count)
        guard count < piece.length else { return .complete }
        let rest = Piece(offset: piece.offset + UInt64(count), length: piece.length - count)
        asked.insert(rest, at: 0)
        return .rest(rest)
    }

    /// A piece that was taken was answered with the end of the file. What is still asked for lies beyond it.
    mutating func ended() {
        size = delivered
        nextOffset = delivered
    }

    /// Nobody waits for what is still asked for.
    mutating func forgetAsked() { asked = [] }
}
