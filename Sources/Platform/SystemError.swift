import CLinux

/// A kernel call that failed: what was tried, on what, and the kernel's reason.
public struct SystemError: Error, Equatable, CustomStringConvertible {
    public let operation: String
    public let subject: String
    public let code: Int32

    public init(_ operation: String, _ subject: String = "", code: Int32) {
        self.operation = operation
        self.subject = subject
        self.code = code
    }

    /// The kernel's text for the code, such as "Permission denied".
    public var reason: String { SystemError.text(of: code) }

    public var description: String {
        subject.isEmpty ? "\(operation): \(reason)" : "\(operation) \(subject): \(reason)"
    }

    public static func text(of code: Int32) -> String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let base = buffer.baseAddress, let text = unsafe cl_error_text(code, base, 128) else {
                return "error \(code)"
            }
            return unsafe String(cString: text)
        }
    }
}

/// Turns a shim's `-errno` into a thrown `SystemError`, and passes every other result on.
@inline(__always)
@discardableResult
public func checked<Result: BinaryInteger>(
    _ result: Result, _ operation: @autoclosure () -> String, _ subject: @autoclosure () -> String = ""
) throws(SystemError) -> Result {
    if result < 0 { throw SystemError(operation(), subject(), code: Int32(clamping: result.magnitude)) }
    return result
}
