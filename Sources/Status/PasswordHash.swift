internal import COpenSSL
internal import CLinux
internal import Platform

/// scrypt (RFC 7914) of a password, as one word: scrypt$logN$r$p$salt$hash, the last two hexadecimal.
public struct PasswordHash: Equatable, Sendable {
    private let logN: Int
    private let r: Int
    private let p: Int
    private let salt: [UInt8]
    private let hash: [UInt8]

    /// N = 2^14, r = 8, p = 5: 16 MiB and about 0.1 s, one of OWASP's equivalent minimums.
    public static func make(_ password: String) -> PasswordHash? {
        var salt = [UInt8](repeating: 0, count: 16)
        guard unsafe salt.withUnsafeMutableBytes({ unsafe cl_getrandom($0.baseAddress, $0.count) }) == 16,
            let hash = derive(password, salt, logN: 14, r: 8, p: 5)
        else { return nil }
        return PasswordHash(logN: 14, r: 8, p: 5, salt: salt, hash: hash)
    }

    private init(logN: Int, r: Int, p: Int, salt: [UInt8], hash: [UInt8]) {
        self.logN = logN
        self.r = r
        self.p = p
        self.salt = salt
        self.hash = hash
    }

    public init?(text: some StringProtocol) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "scrypt", let logN = Int(parts[1]), let r = Int(parts[2]),
            let p = Int(parts[3]), (10...18).contains(logN), (1...16).contains(r), (1...16).contains(p),
            let salt = bytes(hex: parts[4]), let hash = bytes(hex: parts[5]), salt.count >= 8, hash.count == 32
        else { return nil }
        self.init(logN: logN, r: r, p: p, salt: salt, hash: hash)
    }

    public var text: String { "scrypt$\(logN)$\(r)$\(p)$\(hexText(salt))$\(hexText(hash))" }

    public func matches(_ password: String) -> Bool {
        guard let tried = PasswordHash.derive(password, salt, logN: logN, r: r, p: p) else { return false }
        return sameInConstantTime(tried, hash)
    }

    private static func derive(_ password: String, _ salt: [UInt8], logN: Int, r: Int, p: Int) -> [UInt8]? {
        var key = [UInt8](repeating: 0, count: 32)
        let letters = Array(password.utf8)
        // 128 * r * (N + p + 2) is what scrypt needs; OpenSSL's own limit is a little too low for p = 5.
        let memory = UInt64(128 * r) * (UInt64(1) << UInt64(logN) + UInt64(p) + 2) + 1 << 20
        let result = unsafe letters.withUnsafeBufferPointer { password in
            unsafe password.withMemoryRebound(to: CChar.self) { password in
                unsafe EVP_PBE_scrypt(
                    password.baseAddress, password.count, salt, salt.count, UInt64(1) << UInt64(logN), UInt64(r),
                    UInt64(p), memory, &key, key.count)
            }
        }
        return result == 1 ? key : nil
    }
}

/// No early way out: the time says nothing about where two differ.
func sameInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    var difference: UInt8 = 0
    for index in a.indices { difference |= a[index] ^ b[index] }
    return difference == 0
}

func bytes(hex text: some StringProtocol) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var out: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = Character(Unicode.Scalar(digits[index])).hexDigitValue,
            let low = Character(Unicode.Scalar(digits[index + 1])).hexDigitValue
        else { return nil }
        out.append(UInt8(high << 4 | low))
    }
    return out
}

public func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    _ = unsafe SHA256(bytes, bytes.count, &digest)
    return digest
}

/// RFC 4648, padded; nil for anything else.
func bytes(base64 text: String) -> [UInt8]? {
    var out: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    var padding = 0
    guard text.utf8.count % 4 == 0 else { return nil }
    for byte in text.utf8 {
        let value: UInt32
        switch byte {
        case 65...90: value = UInt32(byte) - 65
        case 97...122: value = UInt32(byte) - 71
        case 48...57: value = UInt32(byte) + 4
        case UInt8(ascii: "+"): value = 62
        case UInt8(ascii: "/"): value = 63
        case UInt8(ascii: "="):
            padding += 1
            continue
        default: return nil
        }
        if padding > 0 { return nil }
        bits = bits << 6 | value
        count += 6
        if count >= 8 {
            count -= 8
            out.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
    }
    return padding <= 2 ? out : nil
}
