import Platform
import Testing

@testable import Upstream

@Suite struct BackoffTests {
    @Test func `waits double up to a minute and are never the same for a whole fleet`() {
        var waits: [[Nanoseconds]] = []
        for seed in 0..<20 as Range<UInt64> {
            var backoff = Backoff(seed: seed)
            waits.append((0..<10).map { _ in backoff.next() })
        }
        for row in waits {
            #expect(row[0] >= .milliseconds(500) && row[0] <= .seconds(1))
            #expect(row[9] >= .seconds(30) && row[9] <= .seconds(60))
        }
        #expect(Set(waits.map { $0[5] }).count > 15)
    }
}
