internal import CZlib
internal import HTTP
internal import Platform

/// How a body is packed; the two that tritonclient speaks.
enum Coding: UInt8 {
    case identity = 0, gzip, deflate

    init(_ field: HeadText?) throws(RequestFault) {
        guard let field, !field.isEmpty else {
            self = .identity
            return
        }
        if field == "identity" {
            self = .identity
        } else if field == "gzip" {
            self = .gzip
        } else if field == "deflate" {
            self = .deflate
        } else {
            throw RequestFault(415, "Content-Encoding '\(printable(field))' is not spoken here: gzip or deflate")
        }
    }

    /// The first of ours that the client accepts; quality values are not weighed.
    static func accepted(_ field: HeadText?) -> Coding {
        guard let field, !field.isEmpty else { return .identity }
        var start = 0
        for i in 0...field.count where i == field.count || field[i] == UInt8(ascii: ",") {
            var from = start, to = i
            start = i + 1
            for j in from..<to where field[j] == UInt8(ascii: ";") {
                to = j
                break
            }
            while from < to, field[from] == 0x20 { from += 1 }
            while to > from, field[to - 1] == 0x20 { to -= 1 }
            let word = field[from..<to]
            if word == "gzip" { return .gzip }
            if word == "deflate" { return .deflate }
        }
        return .identity
    }

    var name: StaticString {
        switch self {
        case .identity: "identity"
        case .gzip: "gzip"
        case .deflate: "deflate"
        }
    }

    /// "deflate" in HTTP is a zlib stream (RFC 9110, section 8.4.1.2).
    var window: Int32 { Int32(self == .gzip ? CZ_GZIP : CZ_ZLIB) }
}

enum Compression {
    /// Unpacks into a slot of the pool. `limit` is what the model could use at most: a bomb ends there.
    struct Unpacked: ~Copyable {
        let lease: Lease
        let count: Int
        consuming func takeLease() -> Lease { lease }
    }

    static func unpack(
        _ packed: Memory, _ coding: Coding, limit: Int, _ house: InferenceHouse
    ) throws(RequestFault) -> Unpacked {
        var room = min(limit, max(4096, packed.count * 4))
        while true {
            guard let lease = house.leaseSlot(room) else { throw .poolExhausted }
            let target = lease.memory.slice(0, min(limit, lease.byteCount))
            var written = 0
            switch unsafe cz_unpack(packed.start, packed.count, target.start, target.count, coding.window, &written) {
            case 0: return Unpacked(lease: lease, count: written)
            case 1:
                guard target.count < limit else {
                    throw .invalid("the unpacked body is larger than the \(limit) bytes that this model can use")
                }
                room = min(limit, target.count * 8)
            default: throw .invalid("the body is not a whole \(coding.name) stream")
            }
        }
    }

    static func pack(_ bytes: [UInt8], _ coding: Coding) -> [UInt8] {
        let bound = cz_bound(bytes.count)
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { target, count in
            var written = 0
            let failed = unsafe bytes.withUnsafeBytes { source in
                unsafe cz_pack(source.baseAddress, source.count, target.baseAddress, bound, coding.window, &written)
            }
            count = failed == 0 ? written : 0
        }
    }
}
