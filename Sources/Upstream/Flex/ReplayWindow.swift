internal import CLinux
internal import Glibc
internal import Platform

/// Digests of the commands that were accepted, so that none counts twice: a signature covers the data
/// only, and whoever re-wraps an old command in a fresh envelope would pass for its sender. Kept in a
/// file, because a restart must not open the door again.
final class ReplayWindow {
    /// Commands come a few times an hour; this is months of them.
    static let capacity = 4096

    private var known: Set<[UInt8]> = []
    private var order: [[UInt8]] = []
    private var next = 0
    private let path: String?
    private(set) var trouble: String?

    /// `path`: nil keeps them in memory only.
    init(path: String?) {
        self.path = path
        guard let path else { return }
        do throws(SystemError) {
            let text = try readFile(path, limit: 1 << 20)
            for line in text.split(separator: 0x0A).suffix(ReplayWindow.capacity) { keep(Array(line)) }
            // The file grows by lines; at a start it is cut to what counts.
            if text.count > ReplayWindow.capacity * 65 * 2 { rewrite(path) }
        } catch {
            if error.code != ENOENT { trouble = error.description }
        }
    }

    func contains(_ digest: [UInt8]) -> Bool { known.contains(Array(hexText(digest).utf8)) }

    /// Durable before the command is passed on.
    func insert(_ digest: [UInt8]) {
        let line = Array(hexText(digest).utf8)
        keep(line)
        guard let path else { return }
        do throws(SystemError) {
            let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            try file.writeAll(line + [0x0A])
            fdatasync(file.raw)
            trouble = nil
        } catch {
            trouble = error.description
        }
    }

    private func keep(_ line: [UInt8]) {
        guard known.insert(line).inserted else { return }
        if order.count < ReplayWindow.capacity {
            order.append(line)
        } else {
            known.remove(order[next])
            order[next] = line
            next = (next + 1) % ReplayWindow.capacity
        }
    }

    private func rewrite(_ path: String) {
        let text = Array(order.joined(separator: [0x0A])) + [0x0A]
        do throws(SystemError) {
            let file = try FileDescriptor.open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
            try file.writeAll(text)
            fdatasync(file.raw)
            if unsafe rename(path + ".new", path) != 0 { trouble = "\(path) cannot be replaced" }
        } catch {
            trouble = error.description
        }
    }
}
