import Foundation
import Platform
import Testing

@Suite struct JSONTests {
    private func parse(_ text: String) -> JSON? { try? JSON.parse(Array(text.utf8)) }

    @Test func `a tree written out reads back the same`() throws {
        let text = #"{"a":[1,2.5,null,true],"b":{"c":"\u00e9\"","d":[]},"e":{}}"#
        let tree = try JSON.parse(Array(text.utf8))
        var writer = ByteWriter()
        writer.value(json: tree)
        #expect(try JSON.parse(writer.bytes) == tree)
    }

    @Test func `what is written is what is read`() {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("text", "tab\t\"quote\" \\ line\n 한국 \u{1}")
        writer.field("whole", 42)
        writer.field("least", Int64.min)
        writer.field("fraction", -0.125)
        writer.field("not a number", Double.nan)
        writer.beginArray("list")
        writer.value(true)
        writer.null()
        writer.beginObject()
        writer.endObject()
        writer.endArray()
        writer.endObject()
        let json = parse(writer.text)
        #expect(json?["text"]?.string == "tab\t\"quote\" \\ line\n 한국 \u{1}")
        #expect(json?["whole"]?.integer == 42)
        #expect(json?["fraction"]?.number == -0.125)
        #expect(json?["not a number"] == .null)
        #expect(json?["list"] == .array([.bool(true), .null, .object([])]))
        #expect(writer.text.contains("-9223372036854775808"))
        #expect((try? JSONSerialization.jsonObject(with: Data(writer.bytes))) != nil)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "01", "1.", ".5", "+1", "1e", "nul", "\"\\x\"", "\"\\ud800\"",
        "\"\u{1}\"", "{\"a\":1,\"a\":2}", "1 2", "[1 2]", "1e999", "\"open", "{1:2}", "\"\\u12g4\"",
    ])
    func `what is not JSON is refused with its place`(text: String) {
        #expect(throws: JSON.Fault.self) { try JSON.parse(Array(text.utf8)) }
    }

    @Test func `nesting beyond the limit is refused, not followed`() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSON.Fault.self) { try JSON.parse(Array(deep.utf8)) }
    }

    @Test func `surrogate pairs are one character`() {
        #expect(parse("\"\\ud83d\\ude00 \\u00e9\"")?.string == "😀 é")
    }

    @Test func `no bytes whatever make the parser crash`() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("{}[]\",:0123456789.eE+-truefalsn\\u \n\u{1}é".utf8)
        for _ in 0..<20_000 {
            let length = Int.random(in: 0..<40, using: &random)
            let bytes = (0..<length).compactMap { _ in alphabet.randomElement(using: &random) }
            // What we accept, the platform's own parser accepts too.
            if (try? JSON.parse(bytes)) != nil {
                let theirs = try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])
                #expect(theirs != nil, "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }
}

@Suite struct ByteWriterTests {
    @Test(arguments: [0, 1, -1, 0.1, 1e300, -2.5e-9, 123_456_789.125, 9_007_199_254_740_992])
    func `a number reads back the same`(number: Double) {
        var writer = ByteWriter()
        writer.append(number)
        #expect(Double(writer.text) == number)
    }

    @Test func `cleared and used again it writes the same`() {
        var writer = ByteWriter()
        for _ in 0..<2 {
            writer.clear()
            writer.beginArray()
            writer.value("a")
            writer.value(2)
            writer.endArray()
            #expect(writer.text == "[\"a\",2]")
        }
    }
}
