public import Platform

/// What a client may ask of the server. Memory per connection is fixed at start:
/// head + buffered body + `Exchange.outgoingBytes`, and only touched pages become resident.
public struct HTTPLimits: Sendable {
    public var connectionsMax = 256
    /// From one network address; a Unix socket's callers share `connectionsMax` alone.
    public var connectionsPerAddressMax = 128
    /// Request line and all fields together.
    public var headBytes = 8192
    public var targetBytes = 4096
    public var fieldsMax = 64
    /// Whatever memory it lands in.
    public var bodyBytes = 1 << 20
    /// Into the connection's own buffer (`BodyPlace.buffer`).
    public var bufferedBodyBytes = 16 << 10
    /// A head is read by itself, so that no byte of a body lands anywhere but where the service wants it.
    /// Costs a system call per request; for services that lend their own memory.
    public var readsHeadsAlone = false
    /// From the first byte of a request (or the connection) to the end of its head.
    public var headTime = Nanoseconds.seconds(10)
    public var idleTime = Nanoseconds.seconds(75)
    /// A body, or an answer, has this long plus its length at `bytesPerSecondMin`.
    public var transferTime = Nanoseconds.seconds(20)
    public var bytesPerSecondMin = 64 << 10
    /// The handler's time; then the client is told 503 and let go.
    public var answerTime = Nanoseconds.seconds(60)
    /// A stream whose client takes nothing for this long is cut.
    public var streamStallTime = Nanoseconds.seconds(20)

    /// When the server stops, answers under way have this long.
    public var stopTime = Nanoseconds.seconds(1)
    /// And a client that keeps its connection may say this long what it was about to say; it is answered, and told
    /// to come back on another.
    public var partingTime = Nanoseconds.zero

    public init() {}
}

/// Why the server itself, not the service behind it, said no. Counted by reason.
public enum Refusal: UInt8, CaseIterable, Sendable {
    case requestLine, method, target, targetTooLong, version, headTooLarge, tooManyFields, field, bareLineFeed
    case folding, lengthRepeated, length, lengthAndCoding, coding, host, expectation, bodyTooLarge, chunk
    case tooSlow, busy, noAnswer, answerTooLarge

    public var status: Int {
        switch self {
        case .requestLine, .target, .field, .bareLineFeed, .folding, .lengthRepeated, .length, .lengthAndCoding,
            .host, .chunk:
            400
        case .tooSlow: 408
        case .bodyTooLarge: 413
        case .targetTooLong: 414
        case .expectation: 417
        case .headTooLarge, .tooManyFields: 431
        case .answerTooLarge: 500
        case .method, .coding: 501
        case .busy, .noAnswer: 503
        case .version: 505
        }
    }

    public var text: StaticString {
        switch self {
        case .requestLine: "malformed request line"
        case .method: "unknown method"
        case .target: "malformed request target"
        case .targetTooLong: "request target too long"
        case .version: "this server speaks HTTP 1.0 and 1.1"
        case .headTooLarge: "request head too large"
        case .tooManyFields: "too many header fields"
        case .field: "malformed header field"
        case .bareLineFeed: "lines end in CR LF"
        case .folding: "folded header fields are not accepted"
        case .lengthRepeated: "Content-Length given twice"
        case .length: "malformed Content-Length"
        case .lengthAndCoding: "Content-Length together with Transfer-Encoding"
        case .coding: "unknown Transfer-Encoding"
        case .host: "exactly one Host field is needed"
        case .expectation: "unknown expectation"
        case .bodyTooLarge: "body too large"
        case .chunk: "malformed chunk"
        case .tooSlow: "too slow"
        case .busy: "too many connections"
        case .noAnswer: "no answer in time"
        case .answerTooLarge: "answer too large"
        }
    }

    /// As a label of a metric.
    public var label: String { String(describing: self) }
}
