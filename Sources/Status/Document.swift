internal import HTTP
internal import Platform
import Synchronization

/// One rendered answer: immutable, shared by everyone who asked while it was the newest.
final class Rendered: Sendable {
    let bytes: SharedBytes
    /// With its quotes.
    let etag: String
    init(_ bytes: [UInt8], etag: String) {
        self.bytes = SharedBytes(bytes)
        self.etag = etag
    }
}

/// A document that is rendered when it is asked for, at most once per version of what it shows.
final class Document: Sendable {
    private struct State {
        var version: UInt64 = .max
        var rendered: Rendered?
        var writer = ByteWriter()
    }

    private let state = Mutex(State())

    func current(_ version: UInt64, boot: String, _ render: (inout ByteWriter) -> Void) -> Rendered {
        state.withLock { state in
            if state.version == version, let rendered = state.rendered { return rendered }
            state.writer.clear()
            render(&state.writer)
            let fresh = Rendered(state.writer.bytes, etag: "\"\(boot)-\(version)\"")
            state.version = version
            state.rendered = fresh
            return fresh
        }
    }
}
