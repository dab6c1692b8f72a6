internal import Glibc

/// A stretch of mapped memory, checked at its borders. What it lies in outlives it.
@safe struct Memory {
    let start: UnsafeMutableRawPointer
    let count: Int

    init(_ start: UnsafeMutableRawPointer, _ count: Int) {
        unsafe self.start = start
        self.count = count
    }

    init(_ bytes: UnsafeMutableRawBufferPointer) {
        // An empty buffer may have no address; then nothing will be read from this one either.
        unsafe start = bytes.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
        count = bytes.count
    }

    var buffer: UnsafeMutableRawBufferPointer { unsafe UnsafeMutableRawBufferPointer(start: start, count: count) }

    func slice(_ offset: Int, _ length: Int) -> Memory {
        precondition(offset >= 0 && length >= 0 && offset <= count && length <= count - offset)
        return unsafe Memory(start + offset, length)
    }

    @inline(__always) subscript(index: Int) -> UInt8 {
        get {
            precondition(index >= 0 && index < count)
            return unsafe start.load(fromByteOffset: index, as: UInt8.self)
        }
        nonmutating set {
            precondition(index >= 0 && index < count)
            unsafe start.storeBytes(of: newValue, toByteOffset: index, as: UInt8.self)
        }
    }

    @inline(__always) func load<Word: BitwiseCopyable>(_ offset: Int, as type: Word.Type) -> Word {
        precondition(offset >= 0 && offset <= count - MemoryLayout<Word>.size)
        return unsafe start.loadUnaligned(fromByteOffset: offset, as: type)
    }

    @inline(__always) func store<Word: BitwiseCopyable>(_ offset: Int, _ word: Word) {
        precondition(offset >= 0 && offset <= count - MemoryLayout<Word>.size)
        unsafe start.storeBytes(of: word, toByteOffset: offset, as: Word.self)
    }

    /// `other` may overlap.
    func copy(from other: Memory) {
        precondition(other.count <= count)
        unsafe memmove(start, other.start, other.count)
    }

    func fill(_ byte: UInt8) { unsafe memset(start, Int32(byte), count) }

    func text(_ range: Range<Int>) -> String {
        let part = slice(range.lowerBound, range.count)
        return unsafe String(decoding: UnsafeRawBufferPointer(part.buffer), as: UTF8.self)
    }

    func store(text: String, at offset: Int, limit: Int) -> Int {
        var written = 0
        for byte in text.utf8.prefix(limit) {
            self[offset + written] = byte
            written += 1
        }
        return written
    }

    func holds(_ word: StaticString, _ range: Range<Int>) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        let part = slice(range.lowerBound, range.count)
        return unsafe part.count == 0 || memcmp(part.start, word.utf8Start, part.count) == 0
    }

    func holds(_ text: String, _ range: Range<Int>) -> Bool {
        let part = slice(range.lowerBound, range.count)
        var text = text
        return text.withUTF8 { utf8 in
            unsafe utf8.count == part.count
                && (utf8.count == 0 || memcmp(part.start, utf8.baseAddress.unsafelyUnwrapped, utf8.count) == 0)
        }
    }
}

/// Up to a multiple of `step`, a power of two.
@inline(__always) func aligned(_ count: Int, to step: Int) -> Int { (count + step - 1) & ~(step - 1) }

/// Where tensors begin: a cache line, which every runtime's vector code is happy with.
let tensorAlignment = 64

/// Compares where the bytes lie.
func sameBytes(_ bytes: UnsafeRawBufferPointer, _ text: String) -> Bool {
    var text = text
    return text.withUTF8 { utf8 in
        guard utf8.count == bytes.count else { return false }
        for i in 0..<bytes.count where unsafe utf8[i] != bytes[i] { return false }
        return true
    }
}
