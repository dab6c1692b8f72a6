internal import CLinux
internal import Glibc
internal import Platform

// From the first byte to the hand-over.
extension Connection {
    func stepHandshake(_ loop: ServerLoop) -> Bool {
        guard let tls else { return false }
        switch tls.handshake() {
        case .moved:
            exchange.peer.certificateName = tls.clientName
            state = .head
            deadline = loop.now + limits.headTime
            return true
        case .blocked: return false
        case .closed:
            close(loop)
            return false
        }
    }

    func stepHead(_ loop: ServerLoop) -> Bool {
        if filled > start {
            let progress = readHead(upTo: filled, loop)
            if progress != .incomplete { return headIsRead(progress, loop) }
            if filled - start >= limits.headBytes { return refuse(.headTooLarge, loop) }
        }
        if start > 0, let base = unsafe input.baseAddress {
            unsafe memmove(base, base + start, filled - start)
            filled -= start
            start = 0
        }
        if limits.readsHeadsAlone, tls == nil, let base = unsafe input.baseAddress {
            if filled == 0, knownHeadBytes > 0 { return unsafe receiveKnownHead(base, loop) }
            return unsafe receiveHeadAlone(base + filled, input.count - filled, loop)
        }
        return fill(loop)
    }

    /// More bytes behind those that are here.
    private func fill(_ loop: ServerLoop) -> Bool {
        guard let base = unsafe input.baseAddress else { return false }
        switch unsafe receive(base + filled, input.count - filled, loop) {
        case .moved(let got):
            filled += got
            return true
        case .blocked: return false
        case .closed:
            close(loop)
            return false
        }
    }

    private func readHead(upTo end: Int, _ loop: ServerLoop) -> RequestParser.Progress {
        let isFirst = !exchange.parser.hasBegun
        knownHeadBytes = 0
        let progress = exchange.parser.advance(inputText(start..<end))
        if isFirst, progress == .incomplete { loop.setDeadline(self, loop.now + limits.headTime) }
        return progress
    }

    private func headIsRead(_ progress: RequestParser.Progress, _ loop: ServerLoop) -> Bool {
        if case .refused(let refusal) = progress { return refuse(refusal, loop) }
        if exchange.parser.end > limits.headBytes { return refuse(.headTooLarge, loop) }
        exchange.head = inputText(start..<start + exchange.parser.end)
        cursor = start + exchange.parser.end
        return beginRequest(loop)
    }

    /// Looks before it takes: of what has come only the head is received here, the rest waits for its
    /// place.
    private func receiveHeadAlone(_ place: UnsafeMutableRawPointer, _ room: Int, _ loop: ServerLoop) -> Bool {
        if isDrained { return false }
        let seen = unsafe cl_recv(descriptor, place, room, Int32(MSG_PEEK))
        if seen == -Int(EAGAIN) {
            isDrained = true
            return false
        }
        guard seen > 0 else {
            close(loop)
            return false
        }
        // The parser looks at each byte once: what it has seen is what is taken.
        let before = filled
        var headEnd = before + seen
        let progress = readHead(upTo: headEnd, loop)
        if progress == .complete { headEnd = start + exchange.parser.end }
        while filled < headEnd {
            let got = unsafe cl_recv(descriptor, place + (filled - before), headEnd - filled, 0)
            guard got > 0 else {
                close(loop)
                return false
            }
            filled += got
            loop.counters.received.add(got)
        }
        if progress != .incomplete { return headIsRead(progress, loop) }
        return filled - start >= limits.headBytes ? refuse(.headTooLarge, loop) : true
    }

    /// Clients send the same head again and again: as many bytes as it had are received, and where they
    /// are the same they need no reading.
    private func receiveKnownHead(_ base: UnsafeMutableRawPointer, _ loop: ServerLoop) -> Bool {
        switch unsafe receive(base, knownHeadBytes, loop) {
        case .moved(let got):
            filled = got
            guard got == knownHeadBytes, let known = unsafe knownHead.baseAddress, unsafe memcmp(base, known, got) == 0
            else { return true }
            exchange.parser = knownParser
            return headIsRead(.complete, loop)
        case .blocked: return false
        case .closed:
            close(loop)
            return false
        }
    }

    private func beginRequest(_ loop: ServerLoop) -> Bool {
        loop.counters.requests.add()
        exchange.tag = 0
        exchange.attachment = nil
        exchange.isStream = false
        closesAfter = !exchange.parser.keepsAlive
        exchange.open()
        guard exchange.parser.hasBody else {
            return unsafe handOver(UnsafeRawBufferPointer(start: nil, count: 0), loop)
        }
        let length = exchange.contentLength
        if let length, length > limits.bodyBytes { return refuse(.bodyTooLarge, loop) }
        bodyReceived = 0
        chunked = ChunkedBody()
        isDiscarding = false
        serviceHolds = true
        bodyTargetStart = 0
        landingIndex = 0
        unsafe exchange.landing.removeAll(keepingCapacity: true)
        switch loop.service.bodyPlace(for: exchange) {
        case .buffer: unsafe exchange.landing.append(bodyBuffer)
        case .memory(let memory): unsafe exchange.landing.append(memory)
        case .landing: break
        case .answered:
            isDiscarding = true
            serviceHolds = false
            unsafe exchange.landing.removeAll(keepingCapacity: true)
        }
        unsafe bodyTarget = exchange.landing.first ?? UnsafeMutableRawBufferPointer(start: nil, count: 0)
        let room = unsafe exchange.landing.reduce(0) { $0 + $1.count }
        bodyRoom = room
        if let length, !isDiscarding, length > room { return giveUpBody(.bodyTooLarge, loop) }
        if exchange.parser.expectsContinue, cursor == filled {
            if isDiscarding {
                // The client waits and will not send: its answer goes out at once.
                closesAfter = true
                state = .waiting
                return true
            }
            guard sendContinue() else {
                close(loop)
                return false
            }
        }
        state = .body
        loop.setDeadline(self, transferDeadline(length ?? limits.bodyBytes, loop.now))
        return true
    }

    private func sendContinue() -> Bool {
        let line: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
        var part = unsafe iovec(
            iov_base: UnsafeMutableRawPointer(mutating: line.utf8Start), iov_len: line.utf8CodeUnitCount)
        if let tls { return unsafe tls.write(&part, 1) == .moved(line.utf8CodeUnitCount) }
        return unsafe cl_send(descriptor, line.utf8Start, line.utf8CodeUnitCount, 0) == line.utf8CodeUnitCount
    }

    /// The body cannot be taken: its memory goes back to the service.
    private func giveUpBody(_ refusal: Refusal, _ loop: ServerLoop) -> Bool {
        guard !isDiscarding else {
            closesAfter = true
            state = .waiting
            return true
        }
        if !exchange.revoke() {
            closesAfter = true
            state = .waiting
            return true
        }
        serviceHolds = false
        loop.service.clientGone(exchange)
        return refuse(refusal, loop)
    }

    func stepBody(_ loop: ServerLoop) -> Bool {
        exchange.parser.isChunked ? stepChunked(loop) : stepCounted(loop)
    }

    private func stepCounted(_ loop: ServerLoop) -> Bool {
        let total = exchange.parser.contentLength ?? 0
        if cursor < filled, bodyReceived < total {
            let count = min(filled - cursor, total - bodyReceived)
            land(count, loop)
        }
        if bodyReceived == total { return bodyIsWhole(loop) }
        if isDiscarding { return discard(total - bodyReceived, loop) }
        switch receiveCounted(total - bodyReceived, loop) {
        case .moved(let got):
            bodyReceived += got
            loop.counters.bodyDirect.add(got)
            return true
        case .blocked: return false
        case .closed:
            close(loop)
            return false
        }
    }

    /// Into all stretches of the body at once. A few bytes more than it has are asked for: when they do
    /// not come, the socket is known to be empty without another call.
    private func receiveCounted(_ wanted: Int, _ loop: ServerLoop) -> Transfer {
        let (first, room) = unsafe nextRoom()
        guard let first = unsafe first else { return .blocked }
        if tls != nil { return unsafe receive(first, min(room, wanted), loop) }
        if isDrained { return .blocked }
        // Nobody writes an answer yet: its parts are free.
        let parts = unsafe exchange.parts
        var count = 1, asked = min(room, wanted), next = landingIndex + 1
        unsafe parts[0] = iovec(iov_base: first, iov_len: asked)
        while asked < wanted, unsafe next < exchange.landing.count, count < Exchange.partsMax - 1 {
            let stretch = unsafe exchange.landing[next]
            let length = min(stretch.count, wanted - asked)
            unsafe parts[count] = iovec(iov_base: stretch.baseAddress, iov_len: length)
            asked += length
            count += 1
            next += 1
        }
        let body = asked
        if asked == wanted, cursor == filled, let base = unsafe input.baseAddress {
            let spare = unsafe min(Connection.spareBytes, input.count - filled)
            unsafe parts[count] = iovec(iov_base: base + filled, iov_len: spare)
            asked += spare
            count += 1
        }
        let got = unsafe cl_readv(descriptor, parts, Int32(count))
        if got == -Int(EAGAIN) {
            isDrained = true
            return .blocked
        }
        guard got > 0 else { return .closed }
        if got < asked, !peerClosed { isDrained = true }
        loop.counters.received.add(got)
        filled += max(0, got - body)
        return .moved(min(got, body))
    }

    /// Moves bytes that came with the head (or between chunk sizes) to where the body belongs.
    private func land(_ count: Int, _ loop: ServerLoop) {
        if isDiscarding {
            cursor += count
            bodyReceived += count
            return
        }
        precondition(bodyReceived + count <= bodyRoom)
        loop.counters.bodyCopied.add(count)
        var left = count
        while left > 0 {
            let (target, room) = unsafe nextRoom()
            guard let target = unsafe target, let source = unsafe input.baseAddress else { return }
            let step = min(left, room)
            unsafe target.copyMemory(from: source + cursor, byteCount: step)
            cursor += step
            bodyReceived += step
            left -= step
        }
    }

    /// Where the next byte of the body goes, and how many fit there.
    private func nextRoom() -> (UnsafeMutableRawPointer?, Int) {
        while unsafe bodyReceived - bodyTargetStart >= bodyTarget.count,
            unsafe landingIndex + 1 < exchange.landing.count
        {
            unsafe bodyTargetStart += bodyTarget.count
            landingIndex += 1
            unsafe bodyTarget = exchange.landing[landingIndex]
        }
        let used = bodyReceived - bodyTargetStart
        return unsafe (bodyTarget.baseAddress.map { unsafe $0 + used }, bodyTarget.count - used)
    }

    /// Reads a body that nobody wants, so that the connection can go on; a long one is not worth it.
    private func discard(_ remaining: Int, _ loop: ServerLoop) -> Bool {
        if remaining > 1 << 20 {
            closesAfter = true
            state = .waiting
            return true
        }
        return refill(loop)
    }

    /// More bytes into the space behind the head.
    private func refill(_ loop: ServerLoop) -> Bool {
        let floor = start + exchange.parser.end
        if cursor > floor, let base = unsafe input.baseAddress {
            unsafe memmove(base + floor, base + cursor, filled - cursor)
            filled -= cursor - floor
            cursor = floor
        }
        return fill(loop)
    }

    private func stepChunked(_ loop: ServerLoop) -> Bool {
        while true {
            var consumed = 0
            let step = chunked.advance(inputText(cursor..<filled), consumed: &consumed)
            cursor += consumed
            switch step {
            case .refused: return giveUpBody(.chunk, loop)
            case .finished: return bodyIsWhole(loop)
            case .needMore: return refill(loop)
            case .payload:
                let room =
                    isDiscarding
                    ? (1 << 20) - bodyReceived : min(bodyRoom, limits.bodyBytes) - bodyReceived
                if chunked.remaining > room { return giveUpBody(.bodyTooLarge, loop) }
                if cursor < filled {
                    let count = min(filled - cursor, chunked.remaining)
                    land(count, loop)
                    chunked.took(count)
                    continue
                }
                // A small chunk comes with the framing behind it in one read; a large one goes straight
                // to its place.
                if isDiscarding || chunked.remaining < 4096 { return refill(loop) }
                let (base, part) = unsafe nextRoom()
                guard let base = unsafe base else { return false }
                switch unsafe receive(base, min(part, chunked.remaining), loop) {
                case .moved(let got):
                    bodyReceived += got
                    chunked.took(got)
                    loop.counters.bodyDirect.add(got)
                    return true
                case .blocked: return false
                case .closed:
                    close(loop)
                    return false
                }
            }
        }
    }

    private func bodyIsWhole(_ loop: ServerLoop) -> Bool {
        if isDiscarding {
            state = .waiting
            return true
        }
        guard let first = unsafe exchange.landing.first else {
            return unsafe handOver(UnsafeRawBufferPointer(start: nil, count: 0), loop)
        }
        return unsafe handOver(UnsafeRawBufferPointer(rebasing: first[..<min(first.count, bodyReceived)]), loop)
    }

    private func handOver(_ body: UnsafeRawBufferPointer, _ loop: ServerLoop) -> Bool {
        state = .waiting
        serviceHolds = true
        loop.setDeadline(self, loop.now + limits.answerTime)
        unsafe loop.service.handle(exchange, body: body)
        return true
    }
}
