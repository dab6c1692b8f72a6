internal import CLinux

/// Sleeps the calling thread; for commands and tests, never on a loop's thread.
public func pause(_ span: Nanoseconds) { cl_pause_ns(span.count) }
