internal import CLinux
internal import Glibc

/// Gives back what is not in use: pages of the program and its libraries that are as the files
/// have them (the kernel reads those that are used again from its cache), and the heap's free pages.
/// A mapping with a single page of its own (relocated data) is left alone: nothing could bring it back.
public func giveBackIdleMemory() {
    cl_trim_heap()
    guard let table = try? readFile("/proc/self/smaps") else { return }
    var mapping: (start: UInt, end: UInt)?
    for line in String(decoding: table, as: UTF8.self).split(separator: "\n") {
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        // "start-end r-xp offset device inode path" begins a mapping, "Private_Dirty: 0 kB" is one of its lines.
        if words.count >= 5, words[1].count == 4, let bounds = pageBounds(words[0]) {
            let isFile = words.count == 6 && words[5].hasPrefix("/")
            mapping = isFile && (words[1] == "r-xp" || words[1] == "r--p") ? bounds : nil
        } else if words.count == 3, words[0] == "Private_Dirty:", words[1] == "0", let (start, end) = mapping,
            let base = unsafe UnsafeMutableRawPointer(bitPattern: start)
        {
            _ = unsafe madvise(base, Int(end - start), MADV_DONTNEED)
        }
    }
}

private func pageBounds(_ text: Substring) -> (start: UInt, end: UInt)? {
    let ends = text.split(separator: "-").compactMap { UInt(String($0), radix: 16) }
    return ends.count == 2 ? (ends[0], ends[1]) : nil
}
