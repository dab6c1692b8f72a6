import Platform
import Testing

@Suite struct TextSearchTests {
    @Test(arguments: [
        ("leak at 문앞, leak", "leak", "[leak] at 문앞, leak"), ("aab", "ab", "a[ab]"), ("문", "문", "[문]"),
        ("abc", "abcd", "-"),
        ("", "a", "-"), ("abc", "c", "ab[c]"),
    ])
    func `the first place where the same bytes stand is found`(text: String, part: String, marked: String) {
        let found = text.firstRange(of: part)
        #expect(found.map { "\(text[..<$0.lowerBound])[\(text[$0])]\(text[$0.upperBound...])" } ?? "-" == marked)
        #expect(text.holds(part) == (found != nil))
    }

    @Test func `a text falls into the pieces between its borders, and is put together with others`() {
        #expect("a==b==".pieces(between: "==") == ["a", "b", ""])
        #expect("a==b==".dropFirst().pieces(between: "==") == ["", "b", ""])
        #expect("don't".replacing("'", with: "'\\''") == "don'\\''t")
        #expect("문문".replacing("문", with: "door ") == "door door ")
    }
}
