/// Immutable bytes that many answers send at once: rendered once, freed when the last one has left.
@safe public final class SharedBytes: @unchecked Sendable {
    public let bytes: UnsafeRawBufferPointer

    public init(_ source: [UInt8]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, source.count), alignment: 16)
        unsafe memory.copyBytes(from: source)
        unsafe bytes = UnsafeRawBufferPointer(rebasing: memory[..<source.count])
    }

    init(copying source: UnsafeRawBufferPointer) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, source.count), alignment: 16)
        unsafe memory.copyMemory(from: source)
        unsafe bytes = UnsafeRawBufferPointer(rebasing: memory[..<source.count])
    }

    deinit { unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.deallocate() }

    public var count: Int { unsafe bytes.count }
    public var array: [UInt8] { unsafe Array(bytes) }
    public var text: String { unsafe String(decoding: bytes, as: UTF8.self) }
}

/// Who lent memory to an answer (a lease on a pool slot) and wants to know when it is free again.
public protocol ResponseOwner: AnyObject, Sendable {
    /// Exactly once for each answer that was accepted; on the loop's thread. `delivered`: the kernel
    /// has taken every byte; false when the client went away before.
    func responseLeft(tag: UInt64, delivered: Bool)
}
