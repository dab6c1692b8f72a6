import CLinux
import CSystemd
import Glibc

/// Lines for people: structured journal fields under systemd, plain lines on standard error elsewhere.
public enum Log {
    public enum Level: Int32, Sendable { case fault = 3, warning = 4, notice = 5, info = 6, debug = 7 }

    /// systemd sets JOURNAL_STREAM when standard error is its journal.
    public static let isUnderSystemd = unsafe getenv("JOURNAL_STREAM") != nil

    /// `fields` are upper-case journal field names, such as ("MDC_UNIT", "ups1").
    public static func write(_ level: Level, _ room: String, _ text: String, _ fields: (String, String)...) {
        if isUnderSystemd { return toJournal(level, room, text, fields) }
        let name =
            switch level {
            case .fault: "fault: "
            case .warning: "warning: "
            default: ""
            }
        let line = Array("\(room): \(name)\(text)\n".utf8)
        _ = unsafe line.withUnsafeBytes { unsafe cl_write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func toJournal(_ level: Level, _ room: String, _ text: String, _ fields: [(String, String)]) {
        var lines = [
            "MESSAGE=\(text)", "PRIORITY=\(level.rawValue)", "MDC_ROOM=\(room)", "SYSLOG_IDENTIFIER=mdc-agent",
        ]
        lines += fields.map { "\($0)=\($1)" }
        let all = lines.map { Array($0.utf8) }
        var flat: [UInt8] = []
        for line in all { flat += line }
        unsafe flat.withUnsafeMutableBytes { buffer in
            var parts: [iovec] = unsafe []
            unsafe parts.reserveCapacity(all.count)
            var offset = 0
            for line in all {
                unsafe parts.append(iovec(iov_base: buffer.baseAddress?.advanced(by: offset), iov_len: line.count))
                offset += line.count
            }
            _ = unsafe sd_journal_sendv(parts, Int32(parts.count))
        }
    }
}
