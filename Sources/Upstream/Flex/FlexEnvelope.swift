internal import CLinux
internal import Platform
internal import Site

/// Where a command stands in somebody's trace (W3C Trace Context).
struct TraceContext: Equatable {
    var parent: String
    var state: String?

    /// The same trace, one step further; or a new trace.
    static func next(after context: TraceContext?) -> TraceContext {
        let trace = context.map { String($0.parent.dropFirst(3).prefix(32)) } ?? hexText(randomBytes(16))
        return TraceContext(parent: "00-\(trace)-\(hexText(randomBytes(8)))-01", state: context?.state)
    }

    /// version-traceid-parentid-flags, in lower-case hexadecimal.
    static func isWellFormed(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.utf8.count) == [2, 32, 16, 2]
            && parts.allSatisfy { $0.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) } }
    }
}

func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    _ = unsafe bytes.withUnsafeMutableBytes { unsafe cl_getrandom($0.baseAddress, $0.count) }
    return bytes
}

/// UUIDs as texts.
enum UUIDText {
    static func make() -> String {
        var bytes = randomBytes(16)
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        return text(bytes)
    }

    static func text(_ bytes: [UInt8]) -> String {
        let hex = Array(hexText(bytes))
        return String(hex[0..<8]) + "-" + String(hex[8..<12]) + "-" + String(hex[12..<16]) + "-"
            + String(hex[16..<20]) + "-" + String(hex[20...])
    }

    static func isWellFormed(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.utf8.count) == [8, 4, 4, 4, 12] && parts.allSatisfy { $0.allSatisfy(\.isHexDigit) }
    }
}

/// The CloudEvents envelope of a DSX Flex command from outside, checked for form.
struct FlexEnvelope: Equatable {
    let id: String
    let source: String
    let type: String
    let time: WallTime
    let trace: TraceContext
    let correlationID: String?
    /// Still signed: nothing in it may be used before the signature is checked.
    let data: String

    init(_ bytes: [UInt8]) throws(SignedText.Refusal) {
        let json: JSON
        do throws(JSON.Fault) { json = try JSON.parse(bytes, depthMax: 16) } catch {
            throw SignedText.Refusal(text: error.description)
        }
        func text(_ key: String) throws(SignedText.Refusal) -> String {
            guard let text = json[key]?.string else { throw SignedText.Refusal(text: "'\(key)' is missing") }
            return text
        }
        if try text("specversion") != "1.0.2" { throw SignedText.Refusal(text: "'specversion' is not 1.0.2") }
        id = try text("id")
        if !UUIDText.isWellFormed(id) { throw SignedText.Refusal(text: "'id' is no UUID") }
        source = try text("source")
        type = try text("type")
        guard let time = WallTime(rfc3339: try text("time")) else {
            throw SignedText.Refusal(text: "'time' is no RFC 3339 time")
        }
        self.time = time
        if try text("datacontenttype") != "application/json" {
            throw SignedText.Refusal(text: "'datacontenttype' is not application/json")
        }
        _ = try text("subject")
        let parent = try text("traceparent")
        if !TraceContext.isWellFormed(parent) { throw SignedText.Refusal(text: "'traceparent' is malformed") }
        trace = TraceContext(parent: parent, state: json["tracestate"]?.string)
        correlationID = json["correlationid"]?.string
        if let correlationID, !UUIDText.isWellFormed(correlationID) {
            throw SignedText.Refusal(text: "'correlationid' is no UUID")
        }
        guard let data = json["data"]?.string else {
            throw SignedText.Refusal(text: "'data' is not signed: expected a JWS in compact form")
        }
        self.data = data
    }
}
