import Platform
import Site
import Testing

@testable import Modbus

private func decode(_ words: [UInt16], _ change: (inout EquipmentPoint) -> Void) -> DecodedValue {
    var point = EquipmentPoint(path: "p", table: .holding, address: 0)
    change(&point)
    if point.type != .text { point.words = point.type.words }
    let bytes = words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    return PointDecoder(point).decode(bytes.span, at: 0, scaleAt: point.scaleRegister ?? 0)
}

@Suite struct DecoderTests {
    @Test func `integers of every width and both word orders`() {
        #expect(decode([0xFFFE]) { $0.type = .signed16 } == .number(-2))
        #expect(decode([0x0001, 0x0002]) { $0.type = .unsigned32 } == .number(65538))
        #expect(decode([0x0002, 0x0001]) { ($0.type, $0.isLowWordFirst) = (.unsigned32, true) } == .number(65538))
        #expect(decode([0xFFFF, 0xFFFF]) { $0.type = .signed32 } == .number(-1))
        #expect(decode([0, 1, 0]) { $0.type = .unsigned48 } == .number(65536))
        #expect(decode([0, 0, 1, 0]) { $0.type = .unsigned64 } == .number(65536))
        #expect(decode([0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE]) { $0.type = .signed64 } == .number(-2))
        #expect(decode([0x0100]) { $0.isByteSwapped = true } == .number(1))
        #expect(decode([0x1234]) { $0.type = .bcd16 } == .number(1234))
        #expect(decode([0x0012, 0x3456]) { $0.type = .bcd32 } == .number(123_456))
        #expect(decode([0x12A4]) { $0.type = .bcd16 } == .invalid(.notANumber))
    }

    @Test func `floats, and what is no number`() {
        #expect(decode([0x4366, 0x6666]) { $0.type = .float32 } == .number(230.4))
        #expect(decode([0x6666, 0x4366]) { ($0.type, $0.isLowWordFirst) = (.float32, true) } == .number(230.4))
        #expect(decode([0x7FC0, 0x0000]) { $0.type = .float32 } == .invalid(.notANumber))
        #expect(decode([0x7F80, 0x0000]) { $0.type = .float32 } == .invalid(.notANumber))
        #expect(decode([0x4059, 0, 0, 0]) { $0.type = .float64 } == .number(100))
    }

    @Test func `scales, fixed point, offsets and scale factors`() {
        #expect(decode([2304]) { $0.scale = 0.1 } == .number(230.4))
        #expect(decode([0x7300]) { $0.fractionBits = 9 } == .number(57.5))
        #expect(decode([2982]) { ($0.scale, $0.offset) = (0.1, -273) } == .number(25.2))
        #expect(decode([2304, 0xFFFF]) { $0.scaleRegister = 1 } == .number(230.4))
        #expect(decode([23, 1]) { $0.scaleRegister = 1 } == .number(230))
        #expect(decode([2304, 0x8000]) { $0.scaleRegister = 1 } == .invalid(.notAvailableCode))
    }

    @Test func `the machine's own codes for no value, bits and implausible values`() {
        #expect(
            decode([0x7FFF]) { ($0.type, $0.invalid) = (.signed16, [RawRange(0x7FF8, 0x7FFF)]) }
                == .invalid(.notAvailableCode))
        #expect(decode([0x00A0]) { $0.bits = 5...5 } == .number(1))
        #expect(decode([0x00A0]) { $0.bits = 4...7 } == .number(10))
        #expect(decode([5000]) { $0.plausible = 0...1000 } == .invalid(.outOfRange))
    }

    @Test func `strings in every packing`() {
        func text(_ packing: EquipmentPoint.TextPacking) -> (inout EquipmentPoint) -> Void {
            { ($0.type, $0.words, $0.packing) = (.text, 2, packing) }
        }
        #expect(decode([0x4142, 0x4320], text(.highByteFirst)) == .text("ABC"))
        #expect(decode([0x4241, 0x0043], text(.lowByteFirst)) == .text("ABC"))
        #expect(decode([0x0041, 0x0042], text(.oneCharacter)) == .text("AB"))
        #expect(decode([0xFFFF, 0xFFFF], text(.highByteFirst)) == .invalid(.notAvailableCode))
        #expect(decode([0x41FE, 0x0000], text(.highByteFirst)) == .text("A?"))
    }

    /// Seeded fuzz: whatever the bytes and the rule, there is an answer and no trap; and what was encoded
    /// decodes to itself.
    @Test(arguments: [UInt64(11), 12, 13, 14]) func `any bytes under any rule decode or are invalid`(_ seed: UInt64) {
        var random = SplitMix(seed: seed)
        for _ in 0..<20_000 {
            var point = EquipmentPoint(path: "p", table: .holding, address: 0)
            point.type = RegisterType.allCases[Int(random.next() % UInt64(RegisterType.allCases.count))]
            point.words = point.type == .text ? 1 + Int(random.next() % 20) : point.type.words
            point.isLowWordFirst = random.next() % 2 == 0
            point.isByteSwapped = random.next() % 2 == 0
            point.packing = EquipmentPoint.TextPacking.allCases[Int(random.next() % 3)]
            point.scale = [1, 0.1, 10, 0.01, 3][Int(random.next() % 5)]
            point.fractionBits = Int(random.next() % 16)
            if point.type.isInteger, random.next() % 4 == 0 {
                point.bits = 0...Int(random.next() % UInt64(point.words * 16))
            }
            let bytes = (0..<Int(random.next() % 60)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let decoder = PointDecoder(point)
            let at = Int(random.next() % 40) - 2
            guard case .number(let number) = decoder.decode(bytes.span, at: at, scaleAt: Int(random.next() % 40)) else {
                continue
            }
            #expect(number.isFinite)
            guard point.bits == nil, point.type != .bit, point.type != .unsigned64, point.type != .signed64,
                number.magnitude < 1e15,
                let registers = try? point.encode(number)
            else { continue }
            let again = registers.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            guard case .number(let same) = decoder.decode(again.span, at: 0) else { continue }
            #expect((same - number).magnitude <= number.magnitude * 1e-6 + 1e-9, "seed \(seed) \(point)")
        }
    }
}
