/// How far long work is: on a terminal a line that is written over, elsewhere a line every thousand.
enum CountLine {
    static func show(_ what: String, _ done: Int, of all: Int) {
        if Console.isInteractive {
            Console.progress("\r\u{1b}[K\(what) \(done) of \(all)")
        } else if done % 1_000 == 0, done > 0 {
            Console.note("\(what) \(done) of \(all)")
        }
    }

    /// Takes the line away.
    static func end() {
        if Console.isInteractive { Console.progress("\r\u{1b}[K") }
    }
}
