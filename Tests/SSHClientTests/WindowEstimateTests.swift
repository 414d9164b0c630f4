import TestSupport
import Testing

@testable import SSHClient

/// How many bytes are kept under way follows what a connection carries.
@Suite struct WindowEstimateTests {
    @Test func `a fast connection with a long round trip gets what it carries in one`() {
        let link = Link(bytesPerSecond: 100_000_000, roundTrip: 0.05)
        let window = link.carry(seconds: 2)
        // 5 MB are on the wire, and a little more.
        #expect(window.bytes > 5_000_000 && window.bytes < 8_000_000, "\(window.bytes)")
    }

    @Test func `the first flight over a long round trip is not a small one`() {
        var window = WindowEstimate()
        window.begin(at: 0, roundTrip: 50_000_000)
        #expect(window.bytes == 6_000_000)
        window = WindowEstimate()
        window.begin(at: 0, roundTrip: 1_000_000)
        #expect(window.bytes == WindowEstimate.initial)
        window = WindowEstimate()
        window.begin(at: 0, roundTrip: 2_000_000_000)
        #expect(window.bytes == WindowEstimate.largest)
    }

    @Test func `a slow card has little in its queue`() {
        let link = Link(bytesPerSecond: 3_000_000, roundTrip: 0.005)
        #expect(link.carry(seconds: 5).bytes == WindowEstimate.smallest)
    }

    @Test func `a device that slows down is given less, one that recovers more`() {
        var link = Link(bytesPerSecond: 100_000_000, roundTrip: 0.02)
        var window = link.carry(seconds: 1)
        let fast = window.bytes
        link.bytesPerSecond = 5_000_000
        window = link.carry(seconds: 3, window)
        #expect(window.bytes < fast / 4, "\(window.bytes) after \(fast)")
        link.bytesPerSecond = 100_000_000
        window = link.carry(seconds: 3, window)
        #expect(window.bytes > fast / 2, "\(window.bytes) after \(fast)")
    }

    @Test func `what had little to carry changes nothing`() {
        var window = WindowEstimate()
        window.begin(at: 0, roundTrip: 10_000_000)
        for tick in 1...1_000 { window.answer(1_000, isFull: false, at: Int64(tick) * 1_000_000) }
        #expect(window.bytes == WindowEstimate.initial)
    }

    @Test func `it stays within its bounds whatever is answered, and whenever`() {
        var numbers = SplitMix64(seed: 7)
        for _ in 0..<200 {
            var window = WindowEstimate()
            var now: Int64 = 0
            for _ in 0..<200 {
                switch Int.random(in: 0..<8, using: &numbers) {
                case 0: window.begin(at: now, roundTrip: .random(in: 0...5_000_000_000, using: &numbers))
                default:
                    window.answer(.random(in: 0...300_000, using: &numbers), isFull: .random(using: &numbers), at: now)
                }
                now += .random(in: 0...100_000_000, using: &numbers)
                #expect((WindowEstimate.smallest...WindowEstimate.largest).contains(window.bytes))
            }
        }
    }
}

/// A connection that carries so many bytes a second and answers after a round trip, with a sender that always has more.
private struct Link {
    var bytesPerSecond: Double
    let roundTrip: Double

    /// The window after so many seconds.
    func carry(seconds: Double, _ start: WindowEstimate? = nil) -> WindowEstimate {
        var window = start ?? WindowEstimate()
        let packet = 32_768
        let nanoseconds = { (seconds: Double) in Int64(seconds * 1e9) }
        // A later call goes on in a later hour.
        var now = start == nil ? 0.0 : 3_600.0
        let end = now + seconds
        window.begin(at: nanoseconds(now), roundTrip: nanoseconds(roundTrip))
        var answers: [Double] = []
        var next = 0
        var lastSent = now
        while now < end {
            while (answers.count - next + 1) * packet <= window.bytes {
                // One after the other over the wire, each answered a round trip later.
                lastSent = max(lastSent, now) + Double(packet) / bytesPerSecond
                answers.append(lastSent + roundTrip)
            }
            now = answers[next]
            next += 1
            window.answer(packet, isFull: true, at: nanoseconds(now))
        }
        return window
    }
}
