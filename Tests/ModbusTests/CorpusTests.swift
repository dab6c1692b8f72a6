import Foundation
import Site
import Testing

@testable import Modbus

/// One line of the corpus.
struct Specimen {
    let isTCP: Bool
    let unit: UInt8
    let transaction: UInt16
    let request: RequestPDU
    let reply: [UInt8]
    let verdict: String
    let what: String

    func judge(_ bytes: [UInt8]) -> ReplyVerdict {
        isTCP
            ? TCPReply.judge(bytes.span, transaction: transaction, unit: unit, request)
            : RTUReply.judge(bytes.span, unit: unit, request)
    }

    static let all: [Specimen] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Wire/v1/modbus-replies.txt")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            let parts = line.components(separatedBy: " | ")
            guard parts.count == 7, let unit = UInt8(parts[1]), let transaction = UInt16(parts[2]),
                let request = request(bytes(parts[3]))
            else { return nil }
            return Specimen(
                isTCP: parts[0] == "tcp", unit: unit, transaction: transaction, request: request,
                reply: bytes(parts[4]), verdict: parts[5], what: parts[6])
        }
    }()

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
    }

    private static func request(_ pdu: [UInt8]) -> RequestPDU? {
        if pdu.first == 43 { return .identify(code: pdu[2], object: pdu[3]) }
        guard pdu.count >= 5 else { return nil }
        let address = Int(pdu[1]) << 8 | Int(pdu[2])
        let count = Int(pdu[3]) << 8 | Int(pdu[4])
        switch pdu[0] {
        case 1: return .read(.coil, address: address, count: count)
        case 2: return .read(.discrete, address: address, count: count)
        case 3: return .read(.holding, address: address, count: count)
        case 4: return .read(.input, address: address, count: count)
        case 5: return .writeCoil(address: address, count != 0)
        case 6: return .writeRegister(address: address, UInt16(count))
        case 15: return .writeCoils(address: address, (0..<count).map { pdu[6 + $0 / 8] >> UInt8($0 % 8) & 1 == 1 })
        case 16:
            return .writeRegisters(
                address: address, (0..<count).map { UInt16(pdu[6 + $0 * 2]) << 8 | UInt16(pdu[7 + $0 * 2]) })
        default: return nil
        }
    }
}

@Suite struct CorpusTests {
    private func words(_ verdict: ReplyVerdict) -> String {
        switch verdict {
        case .answer: "answer"
        case .exception(let code, _): "exception \(code)"
        case .other(_, let isOurs): isOurs ? "other" : "foreign"
        case .badChecksum: "badchecksum"
        case .needsMore: "more"
        case .broken: "broken"
        }
    }

    @Test func `every reply of the corpus is what it was judged to be`() {
        #expect(Specimen.all.count == 53)
        for specimen in Specimen.all {
            let verdict = words(specimen.judge(specimen.reply))
            #expect(verdict == specimen.verdict, "\(specimen.isTCP ? "tcp" : "rtu"): \(specimen.what)")
        }
    }

    /// Every specimen cut, flipped, joined to others and stuffed with noise, under a seed: nothing traps, and what
    /// is accepted carries the marks of an answer to just this request.
    @Test(arguments: [UInt64(101), 102, 103, 104]) func `mutants of the corpus are never taken for answers`(
        _ seed: UInt64
    ) {
        var random = SplitMix(seed: seed)
        func any(_ count: Int) -> Int { count > 0 ? Int(random.next() % UInt64(count)) : 0 }
        for _ in 0..<20_000 {
            let specimen = Specimen.all[any(Specimen.all.count)]
            var bytes = specimen.reply
            for _ in 0...any(3) {
                switch any(6) {
                case 0: bytes = Array(bytes.prefix(any(bytes.count + 1)))
                case 1 where !bytes.isEmpty: bytes[any(bytes.count)] ^= 1 << UInt8(any(8))
                case 2: bytes += Specimen.all[any(Specimen.all.count)].reply
                case 3: bytes.insert(UInt8(any(256)), at: any(bytes.count + 1))
                case 4 where !bytes.isEmpty: bytes.remove(at: any(bytes.count))
                case 5 where !bytes.isEmpty: bytes[any(bytes.count)] = [0, 1, 0x7F, 0x80, 0xFF][any(5)]
                default: break
                }
            }
            switch specimen.judge(bytes) {
            case .answer(let pdu, let frame):
                #expect(frame <= bytes.count && specimen.request.isAnswered(by: bytes[pdu].span), "seed \(seed)")
                #expect(bytes[specimen.isTCP ? 6 : 0] == specimen.unit)
                if specimen.isTCP {
                    #expect(UInt16(bytes[0]) << 8 | UInt16(bytes[1]) == specimen.transaction)
                } else {
                    let body = Array(bytes[..<(frame - 2)])
                    #expect(modbusCRC(body.span) == UInt16(bytes[frame - 2]) | UInt16(bytes[frame - 1]) << 8)
                }
                if case .identify = specimen.request { _ = ModbusAnswer.texts(Array(bytes[pdu])) }
                if case .read = specimen.request {
                    #expect(ModbusAnswer.values(of: specimen.request, Array(bytes[pdu])) != nil)
                }
            case .exception(_, let frame), .other(let frame, _), .badChecksum(let frame):
                #expect(frame > 0 && frame <= bytes.count, "seed \(seed)")
            case .needsMore, .broken: break
            }
            if !specimen.isTCP {
                let start = RTUReply.start(of: specimen.request, unit: specimen.unit, in: bytes.span)
                #expect(start >= 0 && start <= bytes.count)
            }
        }
    }
}
