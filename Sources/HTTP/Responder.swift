internal import Glibc
import Synchronization

/// The one way to answer one request: the first answer counts, from whatever thread.
public struct Responder: Sendable {
    let exchange: Exchange
    let serial: UInt64

    /// Identifies the request within its server's life, together with nothing else.
    public var isOpen: Bool { exchange.phase.load(ordering: .acquiring) == serial << 8 | Exchange.Phase.open }

    /// Answers with the fields and body that `compose` puts together. `owner` is told when the memory
    /// that `compose` lent is free again. False when there is nobody left to answer (the client has gone,
    /// or it was answered already): then `compose` was not called and `owner` will not be.
    @discardableResult
    public func answer(
        _ status: Int, owner: (any ResponseOwner)? = nil, tag: UInt64 = 0, _ compose: (ResponseWriter) -> Void
    ) -> Bool {
        guard exchange.claim(serial) else { return false }
        exchange.clearAnswer()
        exchange.status = status
        exchange.owner = owner
        exchange.ownerTag = tag
        let writer = ResponseWriter(exchange)
        compose(writer)
        if status >= 200, status != 204, status != 304 { writer.field("Content-Length", exchange.bodyBytes) }
        exchange.publish(serial)
        return true
    }

    /// `{"error": text}`: the form of every refusal of the house.
    @discardableResult
    public func refuse(_ status: Int, _ text: String) -> Bool {
        answer(status) { response in
            response.type("application/json")
            response.copy("{\"error\":\"")
            response.copy(jsonEscaped(text))
            response.copy("\"}")
        }
    }

    /// Begins an answer without a known end (server-sent events).
    public func stream(_ status: Int, _ compose: (ResponseWriter) -> Void) -> ResponseStream? {
        guard exchange.claim(serial) else { return nil }
        exchange.clearAnswer()
        exchange.status = status
        exchange.owner = nil
        exchange.isStream = true
        exchange.stream.withLock { $0.open(serial) }
        compose(ResponseWriter(exchange))
        exchange.publish(serial)
        return ResponseStream(exchange: exchange, serial: serial)
    }
}

func jsonEscaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": out += "\\\""
        case "\\": out += "\\\\"
        case "\n": out += "\\n"
        default: out.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
        }
    }
    return out
}

/// Puts an answer together in the connection's own memory. Valid inside `compose` only.
public struct ResponseWriter {
    private let exchange: Exchange
    init(_ exchange: Exchange) { self.exchange = exchange }

    public func type(_ mediaType: StaticString) { field("Content-Type", mediaType) }

    public func field(_ name: StaticString, _ value: StaticString) {
        head(name)
        head(": ")
        head(value)
        head("\r\n")
    }

    /// Control characters in `value` become '?': nobody injects a field.
    public func field(_ name: StaticString, _ value: String) {
        head(name)
        head(": ")
        for byte in value.utf8 { headByte(byte < 0x20 || byte == 0x7F ? 0x3F : byte) }
        head("\r\n")
    }

    public func field(_ name: StaticString, _ value: Int) {
        head(name)
        head(": ")
        exchange.fieldsEnd += writeDecimal(value) { headByte($0, at: $1) }
        head("\r\n")
    }

    /// Small bytes, copied into the connection's memory (into memory of their own where they do not fit).
    public func copy(_ source: UnsafeRawBufferPointer) {
        let start = exchange.scratchEnd
        guard start + source.count <= Exchange.outgoingBytes else {
            return share(unsafe SharedBytes(copying: source))
        }
        let place = unsafe exchange.outgoing + start
        if let base = source.baseAddress { unsafe place.copyMemory(from: base, byteCount: source.count) }
        exchange.scratchEnd += source.count
        unsafe append(place, source.count)
    }

    public func copy(_ text: StaticString) { text.withUTF8Buffer { unsafe copy(UnsafeRawBufferPointer($0)) } }

    public func copy(_ text: String) {
        var text = text
        text.withUTF8 { unsafe copy(UnsafeRawBufferPointer($0)) }
    }

    /// Held until sent.
    public func share(_ bytes: SharedBytes) {
        exchange.shared.append(bytes)
        if let base = unsafe bytes.bytes.baseAddress { unsafe append(base, bytes.count) }
    }

    /// The caller's memory, sent from where it lies; unchanged until the answer's owner is told.
    public func lend(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress { unsafe append(base, bytes.count) }
    }

    private func append(_ base: UnsafeRawPointer, _ count: Int) {
        if count == 0 { return }
        exchange.bodyBytes += count
        let last = exchange.partCount - 1
        if last >= 1 {
            let part = unsafe exchange.parts[last]
            // Copies of small texts lie side by side: one part.
            if unsafe part.iov_base.map({ unsafe UnsafeRawPointer($0) + part.iov_len }) == base {
                unsafe exchange.parts[last].iov_len += count
                return
            }
        }
        guard exchange.partCount < Exchange.partsMax else {
            exchange.overflowed = true
            return
        }
        unsafe exchange.parts[exchange.partCount] = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: base), iov_len: count)
        exchange.partCount += 1
    }

    private func head(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        // Two bytes stay for the empty line.
        guard exchange.fieldsEnd + count + 2 <= Exchange.scratchStart else {
            exchange.overflowed = true
            return
        }
        unsafe (exchange.outgoing + exchange.fieldsEnd).copyMemory(from: text.utf8Start, byteCount: count)
        exchange.fieldsEnd += count
    }

    private func headByte(_ byte: UInt8) {
        headByte(byte, at: 0)
        exchange.fieldsEnd += 1
    }

    private func headByte(_ byte: UInt8, at offset: Int) {
        guard exchange.fieldsEnd + offset + 3 <= Exchange.scratchStart else {
            exchange.overflowed = true
            return
        }
        unsafe exchange.outgoing.storeBytes(
            of: byte, toByteOffset: exchange.fieldsEnd + offset, as: UInt8.self)
    }
}

/// Writes a number that is not negative, most significant digit first; returns how many digits.
func writeDecimal(_ number: Int, _ put: (UInt8, Int) -> Void) -> Int {
    var divisor = 1
    var count = 1
    while number / divisor >= 10 {
        divisor *= 10
        count += 1
    }
    for index in 0..<count {
        put(48 + UInt8(truncatingIfNeeded: number / divisor % 10), index)
        divisor /= 10
    }
    return count
}
