internal import CLinux
internal import Glibc
internal import Platform

/// What a shell command writes to its descriptor 3, at most `limit` bytes within `time`; nil when it cannot be had.
func output(of command: String, limit: Int = 8 << 20, within time: Nanoseconds = .seconds(20)) -> [UInt8]? {
    var ends: [Int32] = [0, 0]
    guard unsafe pipe(&ends) == 0 else { return nil }
    let reading = FileDescriptor(owning: ends[0])
    let child: Int32
    do {
        let writing = FileDescriptor(owning: ends[1])
        let line = ["/bin/sh", "-c", command]
        var words: [UnsafeMutablePointer<CChar>?] = unsafe line.map { unsafe strdup($0) }
        unsafe words.append(nil)
        defer { for index in unsafe words.indices { unsafe free(words[index]) } }
        child = unsafe words.withUnsafeMutableBufferPointer { words in
            unsafe cl_spawn("/bin/sh", words.baseAddress, [writing.raw], 1)
        }
    }
    guard child > 0 else { return nil }
    let end = SystemTime.monotonic + time
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < limit {
        let left = end - SystemTime.monotonic
        if left <= .zero || cl_wait_readable(reading.raw, -1, left.count) == 0 { break }
        let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_read(reading.raw, $0.baseAddress, $0.count) }
        if got <= 0 { break }
        bytes += chunk[..<got]
    }
    kill(child, SIGKILL)
    var status: Int32 = 0
    for _ in 0..<200 where unsafe cl_reap(child, &status) == 0 { pause(.milliseconds(5)) }
    return bytes
}
