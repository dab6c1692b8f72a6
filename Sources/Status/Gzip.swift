internal import CZlib

/// `bytes` as a gzip stream; nil when zlib has no memory.
public func gzip(_ bytes: [UInt8]) -> [UInt8]? {
    var isWhole = false
    // deflate's worst case is five bytes for each 16 KiB block, plus header and trailer.
    let packed = unsafe [UInt8](unsafeUninitializedCapacity: bytes.count + bytes.count / 1000 + 64) { target, filled in
        var capacity = target.count
        isWhole = unsafe bytes.withUnsafeBytes { source in
            unsafe shim_gzip(source.baseAddress, source.count, target.baseAddress, &capacity) == 0
        }
        filled = isWhole ? capacity : 0
    }
    return isWhole ? packed : nil
}
