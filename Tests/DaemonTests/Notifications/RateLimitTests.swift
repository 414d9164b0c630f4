import Testing

@testable import Daemon

/// How fast notices go out, and how long a failed delivery waits.
struct RateLimitTests {
    @Test func `five go at once, and then one after the other as the rate says`() throws {
        var bucket = TokenBucket(try #require(RateLimit("10/h")), at: 1_000)
        for _ in 0..<5 { #expect(bucket.take(at: 1_000) == nil) }
        #expect(bucket.take(at: 1_000) == 360)
        #expect(bucket.take(at: 1_180) == 180)
        #expect(bucket.take(at: 1_360) == nil)
        #expect(bucket.take(at: 1_360) != nil)
        // A long quiet time gives no more than a full bucket.
        for _ in 0..<5 { #expect(bucket.take(at: 1_000_000) == nil) }
        #expect(bucket.take(at: 1_000_000) != nil)
        // A clock that goes back gives nothing and takes nothing.
        #expect(bucket.take(at: 0) == 360)
    }

    @Test(arguments: ["", "10", "0/h", "-1/h", "10/s", "10/", "/h", "10/h/h", "ten/h", "10001/h"])
    func `what is no rate is refused`(_ text: String) { #expect(RateLimit(text) == nil) }

    @Test func `waits double up to ten minutes, never shorter than a server asks for, and are spread`() {
        #expect(
            (1...12).map { Backoff.seconds(after: $0, asked: nil, chance: 0) } == [
                2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600,
            ])
        #expect(Backoff.seconds(after: 3, asked: nil, chance: 1) == 4)
        #expect(Backoff.seconds(after: 1, asked: 17, chance: 0.5) == 17)
        #expect(Backoff.seconds(after: 1, asked: 86_400, chance: 0.5) == 600)
        #expect(Backoff.seconds(after: .max, asked: nil, chance: 0) == 600)
    }
}
