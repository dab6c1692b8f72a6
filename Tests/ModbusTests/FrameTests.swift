import Platform
import Site
import Testing

@testable import Modbus

@Suite struct FrameTests {
    /// Frozen: the wire does not change.
    @Test func `requests look on the wire as the specification prints them`() {
        func bytes(_ request: RequestPDU) -> [UInt8] {
            var bytes: [UInt8] = []
            request.append(to: &bytes)
            return bytes
        }
        #expect(bytes(.read(.holding, address: 107, count: 3)) == [3, 0, 107, 0, 3])
        #expect(bytes(.read(.coil, address: 19, count: 19)) == [1, 0, 19, 0, 19])
        #expect(bytes(.writeCoil(address: 172, true)) == [5, 0, 172, 0xFF, 0])
        #expect(bytes(.writeRegister(address: 1, 3)) == [6, 0, 1, 0, 3])
        #expect(bytes(.writeRegisters(address: 1, [10, 258])) == [16, 0, 1, 0, 2, 4, 0, 10, 1, 2])
        #expect(
            bytes(.writeCoils(address: 19, [true, false, true, true, false, false, true, true, true, false]))
                == [15, 0, 19, 0, 10, 2, 0xCD, 0x01])
        #expect(bytes(.identify(code: 1, object: 0)) == [43, 14, 1, 0])
        #expect(modbusCRC([2, 7].span) == 0x1241)  // printed in the specification: 41 12 on the wire
    }

    @Test func `the answer to another question is never taken, byte for byte`() {
        let request = RequestPDU.read(.holding, address: 0, count: 2)
        let good: [UInt8] = [0, 9, 0, 0, 0, 7, 5, 3, 4, 1, 2, 3, 4]
        #expect(TCPReply.judge(good.span, transaction: 9, unit: 5, request) == .answer(pdu: 7..<13, frame: 13))
        for index in 0..<9 {
            for bit in 0..<8 {
                var bad = good
                bad[index] ^= 1 << UInt8(bit)
                let verdict = TCPReply.judge(bad.span, transaction: 9, unit: 5, request)
                if case .answer = verdict { #expect(Bool(false), "byte \(index) bit \(bit)") }
            }
        }
        var serial: [UInt8] = [5, 3, 4, 1, 2, 3, 4]
        let sum = modbusCRC(serial.span)
        serial += [UInt8(sum & 0xFF), UInt8(sum >> 8)]
        #expect(RTUReply.judge(serial.span, unit: 5, request) == .answer(pdu: 1..<7, frame: 9))
        for index in serial.indices {
            for bit in 0..<8 {
                var bad = serial
                bad[index] ^= 1 << UInt8(bit)
                if case .answer = RTUReply.judge(bad.span, unit: 5, request) { #expect(Bool(false), "byte \(index)") }
            }
        }
    }

    @Test func `a traced answer is shown as the numbers it carries`() {
        let registers = RequestPDU.read(.input, address: 99, count: 3)
        #expect(registers.words(ofAnswer: [4, 6, 0, 1, 0, 0, 0xFF, 0xFE]) == "answer, from 99: 1, 0, 65534")
        let coils = RequestPDU.read(.coil, address: 8, count: 10)
        #expect(coils.words(ofAnswer: [1, 2, 0b101, 0b10]) == "answer, from 8: 1, 0, 1, 0, 0, 0, 0, 0, 0, 1")
        let long = RequestPDU.read(.holding, address: 0, count: 100).words(
            ofAnswer: [3, 200] + Array(repeating: 0, count: 200))
        #expect(long.hasSuffix("0, ... (100 in all)"))
        #expect(RequestPDU.writeRegister(address: 1, 2).words(ofAnswer: [6, 0, 1, 0, 2]) == "answer: taken")
    }

    @Test func `who begins to look at a bus sees what passes from then on, not what another saw an hour ago`() {
        let trace = FrameTrace()
        let wall = WallTime(milliseconds: 0)
        func at(_ seconds: Int64) -> Moment { Moment(monotonic: .distantPast + .seconds(seconds), wall: wall) }
        trace.enable(now: at(1).monotonic)
        trace.note(at(2), isSent: true, [1], "old")
        trace.enable(now: at(3).monotonic)
        #expect(trace.frames(since: 0).map(\.text) == ["old"])
        trace.enable(now: at(3600).monotonic)
        trace.note(at(3601), isSent: true, [1], "new")
        #expect(trace.frames(since: 0).map(\.text) == ["new"])
    }

    /// Seeded fuzz of both frame parsers: no trap, and nothing is accepted that does not carry its marks.
    @Test(arguments: [UInt64(1), 2, 3, 4]) func `noise is never an answer`(_ seed: UInt64) {
        var random = SplitMix(seed: seed)
        let requests: [RequestPDU] = [
            .read(.holding, address: 0, count: 2), .read(.coil, address: 3, count: 9), .writeRegister(address: 1, 2),
            .writeRegisters(address: 0, [1, 2]), .identify(code: 1, object: 0),
        ]
        for _ in 0..<40_000 {
            let request = requests[Int(random.next() % UInt64(requests.count))]
            var bytes = (0..<Int(random.next() % 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // Half of them begin plausibly.
            if random.next() % 2 == 0, bytes.count > 8 {
                bytes.replaceSubrange(0..<4, with: [7, request.function, 14, 1])
            }
            switch RTUReply.judge(bytes.span, unit: 7, request) {
            case .answer(_, let frame), .exception(_, let frame):
                let body = Array(bytes.prefix(frame - 2))
                #expect(modbusCRC(body.span) == UInt16(bytes[frame - 2]) | UInt16(bytes[frame - 1]) << 8)
                #expect(bytes[0] == 7)
            default: break
            }
            let start = RTUReply.start(of: request, unit: 7, in: bytes.span)
            #expect(start <= bytes.count)
            if case .answer = TCPReply.judge(bytes.span, transaction: 0x0102, unit: 7, request) {
                #expect(bytes[0] == 1 && bytes[1] == 2 && bytes[6] == 7)
            }
            _ = ModbusAnswer.texts(bytes)
            _ = ModbusAnswer.values(of: request, bytes)
        }
    }
}
