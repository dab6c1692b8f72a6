internal import Glibc

public enum Method: UInt8, Sendable { case get, head, post, put, patch, delete, options }

/// Where one field's name and value lie in the head.
struct FieldPlace {
    var nameStart: UInt32, nameCount: UInt32, valueStart: UInt32, valueCount: UInt32
}

/// Reads a request's head line by line as it arrives, looking at each byte once. What two servers
/// might read in two ways (RFC 9112, section 11: request smuggling) is refused, never repaired.
@safe struct RequestParser {
    enum Progress: Equatable { case incomplete, complete, refused(Refusal) }

    private(set) var method = Method.get
    private(set) var target = 0..<0
    private(set) var path = 0..<0
    private(set) var query = 0..<0
    /// 0 or 1: HTTP/1.0 or HTTP/1.1.
    private(set) var minorVersion = 1
    private(set) var fieldCount = 0
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    private(set) var expectsContinue = false
    private(set) var wantsClose = false
    private(set) var wantsKeepAlive = false
    /// Offset behind the empty line that ends the head.
    private(set) var end = 0
    /// A first byte has come: the head's clock runs.
    var hasBegun: Bool { scanned > 0 }

    private var lineStart = 0
    private var scanned = 0
    private var hasRequestLine = false
    private var hostCount = 0
    private var codingCount = 0
    private let fields: UnsafeMutablePointer<FieldPlace>
    private let fieldsMax: Int
    private let targetBytes: Int

    /// `fields` has room for `fieldsMax` places and outlives the parser.
    init(fields: UnsafeMutablePointer<FieldPlace>, fieldsMax: Int, targetBytes: Int) {
        unsafe self.fields = unsafe fields
        self.fieldsMax = fieldsMax
        self.targetBytes = targetBytes
    }

    mutating func reset() {
        self = unsafe RequestParser(fields: fields, fieldsMax: fieldsMax, targetBytes: targetBytes)
    }

    func field(_ index: Int) -> (name: Range<Int>, value: Range<Int>) {
        precondition(index < fieldCount)
        let place = unsafe fields[index]
        let name = Int(place.nameStart)..<Int(place.nameStart + place.nameCount)
        return (name, Int(place.valueStart)..<Int(place.valueStart + place.valueCount))
    }

    /// `head` is everything received so far of this request, from its first byte.
    mutating func advance(_ head: HeadText) -> Progress {
        while let lineFeed = head.firstIndex(of: 0x0A, from: scanned) {
            guard lineFeed > lineStart, head[lineFeed - 1] == 0x0D else { return .refused(.bareLineFeed) }
            let line = lineStart..<lineFeed - 1
            scanned = lineFeed + 1
            lineStart = scanned
            if line.isEmpty {
                // One empty line before a request is forgiven (RFC 9112, section 2.2).
                if !hasRequestLine, scanned == 2 { continue }
                guard hasRequestLine else { return .refused(.requestLine) }
                end = scanned
                return finish()
            }
            let refusal = hasRequestLine ? readField(head, line) : readRequestLine(head, line)
            if let refusal { return .refused(refusal) }
        }
        scanned = head.count
        if !hasRequestLine, scanned - lineStart > targetBytes + 32 { return .refused(.targetTooLong) }
        return .incomplete
    }

    // MARK: - Request line

    private mutating func readRequestLine(_ head: HeadText, _ line: Range<Int>) -> Refusal? {
        let text = head[line]
        guard let first = text.firstIndex(of: 0x20),
            let second = text.firstIndex(of: 0x20, from: first + 1),
            text.firstIndex(of: 0x20, from: second + 1) == nil
        else { return .requestLine }
        let version = text[second + 1..<text.count]
        if version == "HTTP/1.1" {
            minorVersion = 1
        } else if version == "HTTP/1.0" {
            minorVersion = 0
        } else {
            return version.hasPrefix("HTTP/") ? .version : .requestLine
        }
        guard let method = RequestParser.method(text[0..<first]) else {
            for index in 0..<first where !isTokenByte(text[index]) { return .requestLine }
            return first == 0 ? .requestLine : .method
        }
        self.method = method
        if second - first - 1 > targetBytes { return .targetTooLong }
        target = line.lowerBound + first + 1..<line.lowerBound + second
        hasRequestLine = true
        return readTarget(head)
    }

    private static func method(_ text: HeadText) -> Method? {
        if text == "GET" { return .get }
        if text == "POST" { return .post }
        if text == "HEAD" { return .head }
        if text == "PUT" { return .put }
        if text == "PATCH" { return .patch }
        if text == "DELETE" { return .delete }
        if text == "OPTIONS" { return .options }
        return nil
    }

    private mutating func readTarget(_ head: HeadText) -> Refusal? {
        var start = target.lowerBound
        var question: Int?
        for index in target {
            let byte = head[index]
            guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "#") else { return .target }
            if byte == UInt8(ascii: "?"), question == nil { question = index }
        }
        guard !target.isEmpty else { return .target }
        if head[target] == "*", method == .options {
            path = target
            return nil
        }
        if head[target].hasPrefix("http://") || head[target].hasPrefix("https://") {
            // The absolute form: only the path matters here, the authority is the Host field's business.
            let authority = start + (head[start + 4] == UInt8(ascii: "s") ? 8 : 7)
            start = head[0..<target.upperBound].firstIndex(of: UInt8(ascii: "/"), from: authority) ?? -1
            if let question, question < start { return .target }
        }
        guard start >= 0, head[start] == UInt8(ascii: "/") else { return .target }
        path = start..<(question ?? target.upperBound)
        query = question.map { $0 + 1..<target.upperBound } ?? target.upperBound..<target.upperBound
        return nil
    }

    // MARK: - Fields

    private mutating func readField(_ head: HeadText, _ line: Range<Int>) -> Refusal? {
        if isBlank(head[line.lowerBound]) { return .folding }
        guard fieldCount < fieldsMax else { return .tooManyFields }
        var colon = line.lowerBound
        while colon < line.upperBound, isTokenByte(head[colon]) { colon += 1 }
        guard colon > line.lowerBound, colon < line.upperBound, head[colon] == UInt8(ascii: ":") else { return .field }
        var start = colon + 1
        var end = line.upperBound
        while start < end, isBlank(head[start]) { start += 1 }
        while end > start, isBlank(head[end - 1]) { end -= 1 }
        for index in start..<end {
            let byte = head[index]
            // No NUL, no bare CR, no control character but the tab.
            if byte < 0x20 && byte != 0x09 || byte == 0x7F { return .field }
        }
        unsafe fields[fieldCount] = FieldPlace(
            nameStart: UInt32(line.lowerBound), nameCount: UInt32(colon - line.lowerBound),
            valueStart: UInt32(start), valueCount: UInt32(end - start))
        fieldCount += 1
        return heed(head[line.lowerBound..<colon], head[start..<end])
    }

    /// The fields that decide where a message ends and what becomes of the connection.
    private mutating func heed(_ name: HeadText, _ value: HeadText) -> Refusal? {
        switch name.count {
        case 4 where name.equalsIgnoringCase("host"):
            hostCount += 1
            if hostCount > 1 { return .host }
        case 6 where name.equalsIgnoringCase("expect"):
            guard value.equalsIgnoringCase("100-continue") else { return .expectation }
            expectsContinue = true
        case 10 where name.equalsIgnoringCase("connection"):
            if value.listContains("close") { wantsClose = true }
            if value.listContains("keep-alive") { wantsKeepAlive = true }
        case 14 where name.equalsIgnoringCase("content-length"):
            if contentLength != nil { return .lengthRepeated }
            guard let length = value.decimal else { return .length }
            contentLength = length
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            codingCount += 1
            guard codingCount == 1, value.equalsIgnoringCase("chunked") else { return .coding }
            isChunked = true
        default: break
        }
        return nil
    }

    private mutating func finish() -> Progress {
        if isChunked, contentLength != nil { return .refused(.lengthAndCoding) }
        // A 1.0 client cannot mean chunked: an intermediary that does not know it passed it on.
        if isChunked, minorVersion == 0 { return .refused(.coding) }
        if minorVersion == 1, hostCount != 1 { return .refused(.host) }
        if minorVersion == 0 { expectsContinue = false }
        return .complete
    }

    var keepsAlive: Bool { minorVersion == 1 ? !wantsClose : wantsKeepAlive && !wantsClose }
    var hasBody: Bool { isChunked || (contentLength ?? 0) > 0 }
}

/// RFC 9110, section 5.6.2: ! # $ % & ' * + - . ^ _ ` | ~ digits letters.
@inline(__always) func isTokenByte(_ byte: UInt8) -> Bool {
    let low: UInt64 = 0x03FF_6CFA_0000_0000
    let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
    if byte < 64 { return low >> UInt64(byte) & 1 == 1 }
    return byte < 128 && high >> UInt64(byte - 64) & 1 == 1
}
