internal import Platform
internal import Site

enum TransactionResult: Equatable {
    /// `BusMaster.reply` holds the PDU.
    case answer
    case exception(UInt8)
    case failed(Reason, String)
}

/// One request at a time over one channel: sends it, and decides which of the bytes that come back are
/// its answer. Everything else is counted and dropped.
final class BusMaster {
    enum Framing { case tcp, rtu }

    let channel: any ByteChannel
    let framing: Framing
    let trace: FrameTrace
    private let time: any TimeSource
    /// Between any two requests.
    private let gap: Nanoseconds
    /// One character on a serial line.
    private let character: Nanoseconds

    private var transaction: UInt16 = 0
    private var buffer = ReceiveBuffer()
    private var frame: [UInt8] = []
    private(set) var reply: [UInt8] = []
    /// When the last answer was asked for.
    private(set) var askedAt: Moment
    private var quietSince: MonotonicTime
    private(set) var busy = Nanoseconds.zero

    init(
        channel: any ByteChannel, framing: Framing, serial: SerialSettings?, gap: Nanoseconds, time: any TimeSource,
        trace: FrameTrace
    ) {
        self.channel = channel
        self.framing = framing
        self.time = time
        self.trace = trace
        character = serial.map { Nanoseconds(Int64($0.bitsPerCharacter) * 1_000_000_000 / Int64($0.baud)) } ?? .zero
        // 3.5 characters, and 1.75 ms at speeds above 19200 (MODBUS over Serial Line V1.02, 2.5.1.1).
        var silence = Nanoseconds.zero
        if let serial {
            silence = serial.baud > 19_200 ? .microseconds(1750) : Nanoseconds(character.count * 7 / 2)
        }
        self.gap = max(gap, silence)
        frame.reserveCapacity(264)
        reply.reserveCapacity(264)
        askedAt = time.now()
        quietSince = askedAt.monotonic
    }

    /// Asks `unit` and waits for the answer. `probe`: requests with other shapes, used to find out whether
    /// an old answer is still on its way, when this one could be taken for it.
    func transact(
        _ unit: UnitLine, _ request: RequestPDU, timeout: Nanoseconds? = nil, probes: [RequestPDU] = []
    ) -> TransactionResult {
        let limit = timeout ?? unit.timeout
        if unit.owes(request.shape, at: time.now().monotonic) {
            if let failure = catchUp(unit, request, limit, probes) { return failure }
        }
        return exchange(unit, request, limit)
    }

    /// A reply to an earlier request could pass for the answer to this one: first something that cannot
    /// be mistaken is asked. Nil: in step again.
    private func catchUp(
        _ unit: UnitLine, _ request: RequestPDU, _ timeout: Nanoseconds, _ probes: [RequestPDU]
    ) -> TransactionResult? {
        let now = time.now().monotonic
        var tries = 0
        for probe in probes where probe.shape != request.shape && !unit.owes(probe.shape, at: now) {
            tries += 1
            switch exchange(unit, probe, timeout) {
            case .answer: return nil
            case .exception:
                // It answers either the probe or the one request that was open: after it only the probe's
                // own answer can still come, and that has another shape.
                if unit.owesOnly(request.shape) {
                    unit.owesInstead(probe.shape)
                    return nil
                }
            case .failed(let reason, let text): return .failed(reason, text)
            }
            if tries == 3 { break }
        }
        return .failed(.timeout, "an earlier answer may still come: waits for it to be over")
    }

    private func exchange(_ unit: UnitLine, _ request: RequestPDU, _ timeout: Nanoseconds) -> TransactionResult {
        do throws(ChannelFault) {
            return finish(unit, request, until: try begin(unit, request, timeout))
        } catch { return giveUp(unit, request, error) }
    }

    /// Sends a request; returns until when its answer may come.
    func begin(_ unit: UnitLine, _ request: RequestPDU, _ timeout: Nanoseconds) throws(ChannelFault) -> MonotonicTime {
        try waitForTurn(unit)
        buildFrame(unit, request)
        askedAt = time.now()
        unit.requests += 1
        trace.note(askedAt, isSent: true, frame, "unit \(unit.unitID): \(request.words)")
        try channel.send(frame)
        // On a serial line the bytes are only handed over: they need their time to leave.
        let sending = Nanoseconds(character.count * Int64(frame.count))
        return askedAt.monotonic + sending + timeout
    }

    /// Waits for the answer to what `begin` sent, whatever of it has come already.
    func finish(_ unit: UnitLine, _ request: RequestPDU, until deadline: MonotonicTime) -> TransactionResult {
        do throws(ChannelFault) {
            let result = try awaitAnswer(unit, request, deadline)
            settle(unit, request, result)
            return result
        } catch { return giveUp(unit, request, error) }
    }

    /// Without waiting: true when the whole answer, and nothing else, is there. Otherwise `finish` goes on
    /// from what has come.
    func takeStraightAnswer(_ unit: UnitLine, _ request: RequestPDU) -> Bool {
        do throws(ChannelFault) {
            guard buffer.count == 0, try channel.receiveNow(into: &buffer) > 0,
                case .answer(let pdu, let length) = judgeFront(unit, request), buffer.count == length
            else { return false }
            take(pdu)
            note(length, request.words(ofAnswer: reply))
            settle(unit, request, .answer)
            return true
        } catch { return false }
    }

    /// Bytes that came while nothing was asked, or the news that the other side has closed.
    func takeUnasked() {
        do throws(ChannelFault) { _ = try channel.receiveNow(into: &buffer) } catch {
            channel.close()
            buffer.clear()
        }
    }

    /// No connection is kept that bytes of unknown origin wait in.
    var isInStep: Bool { channel.isOpen && buffer.count == 0 }

    func giveUp(_ unit: UnitLine, _ request: RequestPDU, _ fault: ChannelFault) -> TransactionResult {
        channel.close()
        buffer.clear()
        let now = time.now().monotonic
        unit.noteUnanswered(request.shape, at: now)
        busy = busy + (now - askedAt.monotonic)
        return .failed(fault.reason, fault.text)
    }

    /// Keeps the bus's and the unit's gaps. Bytes that come meanwhile belong to nobody.
    private func waitForTurn(_ unit: UnitLine) throws(ChannelFault) {
        var start = max(quietSince + gap, unit.nextAllowed)
        if framing == .tcp {
            if start > time.now().monotonic { channel.pause(until: start) }
            return
        }
        // A line that never falls silent is given up after a second.
        let patience = time.now().monotonic + .seconds(1)
        while true {
            let got = try channel.receive(into: &buffer, until: start)
            if got == 0 { break }
            trace.note(time.now(), isSent: false, buffer.bytes, "nobody asked for this: dropped")
            if buffer.count >= 5 { unit.foreignReplies += 1 }
            buffer.clear()
            start = min(patience, max(start, time.now().monotonic + gap))
        }
        buffer.clear()
    }

    private func buildFrame(_ unit: UnitLine, _ request: RequestPDU) {
        frame.removeAll(keepingCapacity: true)
        switch framing {
        case .tcp:
            transaction &+= 1
            frame += [UInt8(transaction >> 8), UInt8(truncatingIfNeeded: transaction), 0, 0, 0, 0, unit.unitID]
            request.append(to: &frame)
            let length = frame.count - 6
            frame[4] = UInt8(length >> 8)
            frame[5] = UInt8(length & 0xFF)
        case .rtu:
            frame.append(unit.unitID)
            request.append(to: &frame)
            let sum = modbusCRC(frame.span)
            frame.append(UInt8(sum & 0xFF))
            frame.append(UInt8(sum >> 8))
        }
    }

    private func awaitAnswer(
        _ unit: UnitLine, _ request: RequestPDU, _ deadline: MonotonicTime
    ) throws(ChannelFault) -> TransactionResult {
        var deadline = deadline
        var trouble: (Reason, String)?
        while true {
            switch judgeFront(unit, request) {
            case .answer(let pdu, let length):
                // One question, one answer: bytes behind it mean that the stream is out of step, and that
                // the end of this frame may be the beginning of another.
                if framing == .tcp, buffer.count > length { throw .lost(BusMaster.outOfStep) }
                take(pdu)
                note(length, request.words(ofAnswer: reply))
                return .answer
            case .exception(let code, let length):
                note(length, "exception \(code): \(exceptionWords(code))")
                unit.exceptions += 1
                return .exception(code)
            case .other(let length, let isOurs):
                note(length, isOurs ? "a late or foreign answer: dropped" : "of another unit or request: dropped")
                if isOurs { unit.lateReplies += 1 } else { unit.foreignReplies += 1 }
                trouble = trouble ?? (.foreignReply, "only answers to something else came")
                continue
            case .badChecksum(let length):
                note(length, "checksum wrong: dropped")
                unit.checksumErrors += 1
                trouble = (.checksum, "checksum wrong: check termination, shield and baud rate")
                // It was most likely our answer: no use in waiting the whole timeout for another.
                deadline = min(deadline, time.now().monotonic + max(.milliseconds(50), character * 20))
                continue
            case .broken:
                if framing == .rtu {
                    buffer.drop(1)
                    trouble = trouble ?? (.malformedReply, "noise instead of an answer")
                    continue
                }
                note(buffer.count, "not the answer to what was asked: connection closed")
                throw .lost("sends answers that do not fit what was asked; connection closed")
            case .needsMore: break
            }
            let before = buffer.count
            let got = try channel.receive(into: &buffer, until: deadline)
            if framing == .tcp, before > 0, got > 0, looksLikeHeader(at: before) { throw .lost(BusMaster.outOfStep) }
            if got == 0 {
                unit.timeouts += 1
                let found = trouble ?? (buffer.count > 0 ? (.malformedReply, "the answer broke off") : nil)
                return found.map { .failed($0.0, $0.1) } ?? .failed(.timeout, "no answer in \(timeoutText(deadline))")
            }
        }
    }

    private static let outOfStep = "its answers are cut short or run into each other; connection closed"

    /// A frame that was cut short is followed by another: what arrives in the middle of a frame begins with
    /// a number that was used lately.
    private func looksLikeHeader(at index: Int) -> Bool {
        let bytes = buffer.bytes
        guard bytes.count >= index + TCPReply.headerLength else { return false }
        let age = transaction &- (UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]))
        return age < 1024 && bytes[index + 2] == 0 && bytes[index + 3] == 0 && bytes[index + 4] == 0
            && bytes[index + 5] >= 3
    }

    private func timeoutText(_ deadline: MonotonicTime) -> String {
        "\((deadline - askedAt.monotonic).wholeMilliseconds) ms"
    }

    private func judgeFront(_ unit: UnitLine, _ request: RequestPDU) -> ReplyVerdict {
        if buffer.count == 0 { return .needsMore }
        if framing == .rtu {
            let skip = noiseBefore(unit, request)
            if skip > 0 { buffer.drop(skip) }
        }
        let bytes = buffer.bytes
        switch framing {
        case .tcp: return TCPReply.judge(bytes.span, transaction: transaction, unit: unit.unitID, request)
        case .rtu: return RTUReply.judge(bytes.span, unit: unit.unitID, request)
        }
    }

    private func noiseBefore(_ unit: UnitLine, _ request: RequestPDU) -> Int {
        let bytes = buffer.bytes
        return RTUReply.start(of: request, unit: unit.unitID, in: bytes.span)
    }

    private func take(_ pdu: Range<Int>) {
        reply.removeAll(keepingCapacity: true)
        reply.append(contentsOf: buffer.bytes[pdu])
    }

    /// A frame leaves the buffer.
    private func note(_ length: Int, _ text: @autoclosure () -> String) {
        let now = time.now()
        if trace.isEnabled(now.monotonic) {
            trace.note(now, isSent: false, Array(buffer.bytes.prefix(length)), text())
        }
        buffer.drop(length)
    }

    private func settle(_ unit: UnitLine, _ request: RequestPDU, _ result: TransactionResult) {
        let now = time.now().monotonic
        quietSince = now
        unit.nextAllowed = now + unit.gap
        busy = busy + (now - askedAt.monotonic)
        switch result {
        case .answer:
            unit.noteAnswered()
            unit.roundTrips.add(now - askedAt.monotonic)
        case .exception: unit.roundTrips.add(now - askedAt.monotonic)
        case .failed:
            unit.noteUnanswered(request.shape, at: now)
            buffer.clear()
            // A server that was late once may put the old answer under the new number (single-slot
            // gateways do): a new connection leaves it behind.
            if framing == .tcp { channel.close() }
        }
    }
}
