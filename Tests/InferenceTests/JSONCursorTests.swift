import Platform
import Testing

@testable import Inference

private func withCursor<Value>(_ text: String, _ body: (inout JSONCursor) throws -> Value) rethrows -> Value {
    var bytes = Array(text.utf8) + [0]
    let count = bytes.count - 1
    return try unsafe bytes.withUnsafeMutableBytes { buffer in
        var cursor = JSONCursor(unsafe Memory(buffer), 0..<count)
        return try body(&cursor)
    }
}

private func isRefused(_ text: String) -> Bool {
    withCursor(text) { cursor in
        do {
            try cursor.skipValue()
            try cursor.finish()
            return false
        } catch { return true }
    }
}

@Suite struct JSONCursorTests {
    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":}", "{\"a\" 1}", "[1 2]", "tru", "\"\\x\"x", "01", "1.", "-", "1e", "NaN", "[", "]",
        "{,}",
        "\"open", "\"\u{1}\"", "{\"a\":1,}", "[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]", "1 2", "{\"a\"}",
        "[1}", "{\"a\":1]",
    ])
    func `what is no JSON is refused`(_ text: String) { #expect(isRefused(text)) }

    @Test(arguments: [
        "1", "-0.5e+10", "\"\\u00e9\\ud83d\\ude00\"", "[]", "{}", " [ 1 , [ ] , { } ] ",
        "{\"a\":[1,{\"b\":null}],\"c\":true}", "[[1],[2]]",
    ])
    func `what is JSON is passed over whole`(_ text: String) { #expect(!isRefused(text)) }

    @Test func `escapes are resolved where they stand`() throws {
        let text = try withCursor(#""a\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00z""#) { cursor in
            let range = try cursor.string()
            return cursor.memory.text(range)
        }
        #expect(text == "a\"\\/\u{8}\u{c}\n\r\tAé€😀z")
    }

    @Test(arguments: ["\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\u12\""])
    func `half a character is refused`(_ text: String) {
        #expect(throws: RequestFault.self) { try withCursor(text) { _ = try $0.string() } }
    }

    @Test(arguments: ["-1", "1.5", "18446744073709551616", "9223372036854775808", "1e3", "+1", ""])
    func `a size that does not fit is refused`(_ text: String) {
        #expect(throws: RequestFault.self) { try withCursor(text) { _ = try $0.size() } }
    }

    @Test func `numbers are read as exactly as the C library reads them`() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let number = Double(bitPattern: random.next())
            guard number.isFinite else { continue }
            let text = number.description
            #expect(try withCursor(text) { try $0.double() } == number, "\(text)")
        }
        for text in [
            "0.1", "1e22", "123456789012345678", "4.9e-324", "1.7976931348623157e308", "9007199254740993", "0.000001",
        ] {
            #expect(try withCursor(text) { try $0.double() } == Double(text))
        }
    }

    @Test func `any bytes whatever end in an answer, never in a crash`() {
        // Seeded: a failure is the same failure tomorrow.
        var state: UInt64 = 20_261_125
        let alphabet = Array("{}[]\",:\\u0123456789.eE+-truefalsn \t\u{1}é".utf8)
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            state = state &* 6_364_136_223_846_793_005 &+ 1
            for _ in 0..<Int(state >> 58) {
                state = state &* 6_364_136_223_846_793_005 &+ 1
                bytes.append(alphabet[Int(state >> 33) % alphabet.count])
            }
            _ = isRefused(String(decoding: bytes, as: UTF8.self))
        }
    }
}
