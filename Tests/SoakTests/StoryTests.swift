import Testing

@testable import soak

/// What happens in a soak, before anybody carries it out.
@Suite struct StoryTests {
    private func beats(seed: UInt64, minutes: Double = 60) -> [Story.Beat] {
        var story = Story(seed: seed, scale: Story.Scale(seconds: minutes * 60))
        var beats: [Story.Beat] = []
        while let beat = story.next() { beats.append(beat) }
        return beats
    }

    @Test func `a seed tells one story, another seed another`() {
        #expect(beats(seed: 5, minutes: 5) == beats(seed: 5, minutes: 5))
        #expect(beats(seed: 5, minutes: 5) != beats(seed: 6, minutes: 5))
    }

    @Test func `an hour has every trouble, and leaves the daemon alone in its second half`() {
        let beats = beats(seed: 1)
        var troubles: Set<Trouble> = []
        for case .falls(_, let trouble) in beats.map(\.happening) { troubles.insert(trouble) }
        #expect(troubles == Set(Trouble.allCases))
        let ends = beats.filter { if case .daemonEnds = $0.happening { true } else { false } }
        #expect(ends.count == 6 && ends.allSatisfy { $0.at < 1800 })
        #expect(Set(ends.map(\.happening)) == [.daemonEnds(.killed), .daemonEnds(.terminated)])
    }

    @Test(arguments: 1...20) func `a device has one trouble at a time, and nobody plays where nobody can`(seed: UInt64)
    {
        var troubles: [Int: Trouble] = [:]
        for beat in beats(seed: seed, minutes: 10) {
            switch beat.happening {
            case .falls(let device, let trouble):
                #expect(troubles[device] == nil)
                troubles[device] = trouble
            case .recovers(let device, _): #expect(troubles.removeValue(forKey: device) != nil)
            case .plays(let device, _, _, _), .deletes(let device, _):
                #expect(troubles[device]?.allowsPlaying ?? true)
            case .isCut, .command, .daemonEnds, .daemonReads: break
            }
        }
    }
}
