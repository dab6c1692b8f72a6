internal import CLinux
internal import Glibc
internal import Platform
import Synchronization

// From the answer to the next request.
extension Connection {
    func stepWaiting(_ loop: ServerLoop) -> Bool {
        guard exchange.currentPhase == Exchange.Phase.answered else { return false }
        if exchange.overflowed {
            releaseAnswer(delivered: false)
            exchange.stream.withLock { $0.close() }
            serviceHolds = false
            return refuse(.answerTooLarge, loop)
        }
        return beginSending(loop)
    }

    /// The server's own answer, after which the connection ends: what follows a fault cannot be trusted
    /// to begin where a request begins.
    func refuse(_ refusal: Refusal, _ loop: ServerLoop) -> Bool {
        loop.counters.refusals[Int(refusal.rawValue)].add()
        exchange.open()
        let responder = exchange.responder
        closesAfter = true
        serviceHolds = false
        responder.answer(refusal.status) { response in
            response.type("application/json")
            if refusal.status == 503 { response.field("Retry-After", 1) }
            response.copy("{\"error\":\"")
            response.copy(refusal.text)
            response.copy("\"}")
        }
        return beginSending(loop)
    }

    private func beginSending(_ loop: ServerLoop) -> Bool {
        if loop.isStopping { closesAfter = true }
        let status = exchange.status
        loop.counters.answers[max(0, min(4, status / 100 - 1))].add()
        let hasNoBody = exchange.method == .head || status == 204 || status == 304 || status < 200
        if exchange.isStream {
            if exchange.parser.minorVersion == 0 { closesAfter = true }
        } else {
            serviceHolds = false
        }
        writeHead(loop)
        if hasNoBody {
            exchange.partCount = 1
            if exchange.isStream {
                exchange.stream.withLock { $0.close() }
                exchange.isStream = false
                serviceHolds = false
            }
        }
        partIndex = 0
        state = .sending
        loop.setDeadline(self, transferDeadline(exchange.bodyBytes, loop.now))
        return true
    }

    /// Status line, Date and what concerns the connection, put right before the fields.
    private func writeHead(_ loop: ServerLoop) {
        let exchange = self.exchange
        // Never refused: ResponseWriter left two bytes for the empty line.
        unsafe exchange.outgoing.storeBytes(of: 0x0D, toByteOffset: exchange.fieldsEnd, as: UInt8.self)
        unsafe exchange.outgoing.storeBytes(of: 0x0A, toByteOffset: exchange.fieldsEnd + 1, as: UInt8.self)
        var at = Exchange.prefixBytes
        func prepend(_ text: StaticString) {
            at -= text.utf8CodeUnitCount
            unsafe (exchange.outgoing + at).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        }
        if exchange.isStream, exchange.parser.minorVersion == 1 { prepend("Transfer-Encoding: chunked\r\n") }
        if closesAfter {
            prepend("Connection: close\r\n")
        } else if exchange.parser.minorVersion == 0 {
            prepend("Connection: keep-alive\r\n")
        }
        at -= loop.dateLine.count
        unsafe loop.dateLine.withUnsafeBytes { date in
            unsafe UnsafeMutableRawBufferPointer(start: exchange.outgoing + at, count: date.count).copyMemory(
                from: date)
        }
        prepend("\r\n")
        prepend(reasonPhrase(exchange.status))
        prepend(" ")
        var code = exchange.status
        for _ in 0..<3 {
            at -= 1
            unsafe exchange.outgoing.storeBytes(
                of: 48 + UInt8(truncatingIfNeeded: code % 10), toByteOffset: at, as: UInt8.self)
            code /= 10
        }
        prepend("HTTP/1.1 ")
        unsafe exchange.parts[0] = iovec(iov_base: exchange.outgoing + at, iov_len: exchange.fieldsEnd + 2 - at)
    }

    func stepSending(_ loop: ServerLoop) -> Bool {
        while partIndex < exchange.partCount {
            switch send(loop) {
            case .moved: continue
            case .blocked: return false
            case .closed:
                close(loop)
                return false
            }
        }
        releaseAnswer(delivered: true)
        if exchange.isStream {
            state = .streaming
            deadline = .distantFuture
            exchange.phase.store(exchange.serial << 8 | Exchange.Phase.streaming, ordering: .releasing)
            return true
        }
        return finish(loop)
    }

    func stepStreaming(_ loop: ServerLoop) -> Bool {
        if peerClosed {
            close(loop)
            return false
        }
        if partIndex < exchange.partCount {
            switch send(loop) {
            case .moved:
                loop.setDeadline(self, loop.now + limits.streamStallTime)
                return true
            case .blocked: return false
            case .closed:
                close(loop)
                return false
            }
        }
        if !exchange.shared.isEmpty { exchange.shared.removeAll(keepingCapacity: true) }
        let (next, isFinished) = exchange.stream.withLock { queue in (queue.takeFirst(), queue.isFinished) }
        if let next {
            loadPiece(next)
            loop.setDeadline(self, loop.now + limits.streamStallTime)
            return true
        }
        deadline = .distantFuture
        guard isFinished else { return false }
        exchange.stream.withLock { $0.close() }
        exchange.isStream = false
        serviceHolds = false
        state = .sending
        partIndex = 0
        exchange.partCount = 0
        if exchange.parser.minorVersion == 1 {
            let last: StaticString = "0\r\n\r\n"
            unsafe exchange.parts[0] = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: last.utf8Start), iov_len: last.utf8CodeUnitCount)
            exchange.partCount = 1
        }
        loop.setDeadline(self, loop.now + limits.transferTime)
        return true
    }

    /// One piece of a stream as one chunk.
    private func loadPiece(_ piece: SharedBytes) {
        exchange.shared.append(piece)
        partIndex = 0
        exchange.partCount = 0
        if piece.count == 0 { return }
        let isChunked = exchange.parser.minorVersion == 1
        if isChunked {
            // The chunk's size in the copied bodies' memory, which a stream does not use once it runs.
            var digits = 0
            for shift in stride(from: 28, through: 0, by: -4) {
                let nibble = UInt8(truncatingIfNeeded: piece.count >> shift & 15)
                if nibble == 0, digits == 0 { continue }
                unsafe exchange.outgoing.storeBytes(
                    of: hexDigit(nibble), toByteOffset: Exchange.scratchStart + digits, as: UInt8.self)
                digits += 1
            }
            unsafe exchange.outgoing.storeBytes(
                of: 0x0D, toByteOffset: Exchange.scratchStart + digits, as: UInt8.self)
            unsafe exchange.outgoing.storeBytes(
                of: 0x0A, toByteOffset: Exchange.scratchStart + digits + 1, as: UInt8.self)
            unsafe exchange.parts[0] = iovec(
                iov_base: exchange.outgoing + Exchange.scratchStart, iov_len: digits + 2)
            exchange.partCount = 1
        }
        unsafe exchange.parts[exchange.partCount] = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: piece.bytes.baseAddress), iov_len: piece.count)
        exchange.partCount += 1
        if isChunked {
            let end: StaticString = "\r\n"
            unsafe exchange.parts[exchange.partCount] = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: end.utf8Start), iov_len: 2)
            exchange.partCount += 1
        }
    }

    /// The answer has left: on to the next request, which may be here already.
    private func finish(_ loop: ServerLoop) -> Bool {
        exchange.attachment = nil
        if closesAfter {
            beginLingering(loop)
            return state == .lingering
        }
        rememberHead()
        start = cursor
        if start == filled {
            start = 0
            filled = 0
        }
        exchange.parser.reset()
        state = .head
        loop.setDeadline(self, loop.now + limits.idleTime)
        return true
    }

    private func rememberHead() {
        let parser = exchange.parser
        guard limits.readsHeadsAlone, knownHeadBytes == 0, parser.hasBody, unsafe parser.end <= knownHead.count,
            let known = unsafe knownHead.baseAddress, let base = unsafe input.baseAddress
        else { return }
        unsafe memcpy(known, base + start, parser.end)
        knownHeadBytes = parser.end
        knownParser = parser
    }

    /// Closing while the client still sends would reset the connection and lose the answer on its way:
    /// read on for a moment, then close (RFC 9112, section 9.6).
    private func beginLingering(_ loop: ServerLoop) {
        tls?.shutdown()
        _ = Glibc.shutdown(descriptor, Int32(SHUT_WR))
        state = .lingering
        bodyReceived = 0
        loop.setDeadline(self, loop.now + .seconds(2))
    }

    func stepLingering(_ loop: ServerLoop) -> Bool {
        guard let base = unsafe input.baseAddress else { return false }
        isDrained = false
        let got = unsafe cl_recv(descriptor, base, input.count, 0)
        if got > 0, bodyReceived < 1 << 20 {
            bodyReceived += got
            return true
        }
        if got == -Int(EAGAIN) { return false }
        close(loop)
        return false
    }
}

func reasonPhrase(_ status: Int) -> StaticString {
    switch status {
    case 100: "Continue"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 301: "Moved Permanently"
    case 304: "Not Modified"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 428: "Precondition Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: "Status"
    }
}
