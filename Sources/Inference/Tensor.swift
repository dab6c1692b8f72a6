/// The Open Inference Protocol's element types.
enum DataType: UInt8, CaseIterable, Sendable {
    case bool, uint8, uint16, uint32, uint64, int8, int16, int32, int64, fp16, fp32, fp64, bf16, bytes

    /// Zero for BYTES, whose elements say their own length.
    var byteCount: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .uint16, .int16, .fp16, .bf16: 2
        case .uint32, .int32, .fp32: 4
        case .uint64, .int64, .fp64: 8
        case .bytes: 0
        }
    }

    var name: StaticString {
        switch self {
        case .bool: "BOOL"
        case .uint8: "UINT8"
        case .uint16: "UINT16"
        case .uint32: "UINT32"
        case .uint64: "UINT64"
        case .int8: "INT8"
        case .int16: "INT16"
        case .int32: "INT32"
        case .int64: "INT64"
        case .fp16: "FP16"
        case .fp32: "FP32"
        case .fp64: "FP64"
        case .bf16: "BF16"
        case .bytes: "BYTES"
        }
    }

    var text: String { "\(name)" }

    init?(text: String) {
        guard let match = DataType.allCases.first(where: { $0.text == text }) else { return nil }
        self = match
    }

    /// Triton's name of the type in a model's configuration.
    var configurationName: String { self == .bytes ? "TYPE_STRING" : "TYPE_" + text }
}

/// One input or output of a model as clients see it.
struct TensorDescription: Equatable, Sendable {
    var name: String
    var type: DataType
    /// -1 is free.
    var shape: [Int]

    /// Bytes of everything behind the first `skipped` dimensions; nil when a dimension is free, the
    /// elements have no fixed length, or the product does not fit.
    func fixedBytes(skipping skipped: Int) -> Int? {
        guard type != .bytes else { return nil }
        var product = type.byteCount
        for dimension in shape.dropFirst(skipped) {
            guard dimension >= 0 else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
            if overflow { return nil }
            product = next
        }
        return product
    }
}

struct ModelDescription: Equatable, Sendable {
    /// Inputs and outputs together, one channel job's worth (see LaneChannel).
    static let tensorsMax = 30
    static let rankMax = 8

    var platform: String
    var inputs: [TensorDescription]
    var outputs: [TensorDescription]

    /// Every input and output begins with a free dimension and is fixed behind it.
    var hasFreeFirstDimension: Bool {
        (inputs + outputs).allSatisfy { $0.shape.first == -1 && $0.fixedBytes(skipping: 1) != nil }
    }
}
