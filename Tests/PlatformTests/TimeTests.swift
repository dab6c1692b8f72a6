import Platform
import Testing

@Suite struct TimeTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_645_683_120, "2026-11-25T22:28:03.120Z"), (-1, "1969-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func `a wall time and its RFC 3339 text are the same thing`(ms: Int64, text: String) {
        #expect(WallTime(milliseconds: ms).rfc3339 == text)
        #expect(WallTime(rfc3339: text) == WallTime(milliseconds: ms))
    }

    @Test func `an offset is read, a malformed time is refused`() {
        #expect(WallTime(rfc3339: "2026-11-26T07:28:03+09:00") == WallTime(rfc3339: "2026-11-25T22:28:03Z"))
        for bad in ["2026-11-25", "2026-11-25T22:28:03", "2026-13-25T22:28:03Z", "2026-11-25T22:28:03.Z", ""] {
            #expect(WallTime(rfc3339: bad) == nil, "\(bad)")
        }
    }
}
