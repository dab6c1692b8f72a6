internal import CLinux
import Glibc
internal import Platform
internal import Site

/// A serial line with machines on it: a pseudo terminal, paced as its speed demands.
final class ModbusRTUServer {
    let path: String
    let terminal: String
    var units: [Int: SimulatedMachine] = [:]
    private let master: FileDescriptor
    /// Held open, so that the master side does not report a hang-up while no client is there.
    private let slave: FileDescriptor
    private let characterTime: Nanoseconds
    private var framer = RequestFramer(.rtu)
    private var lastByte = MonotonicTime.distantPast
    private unowned let queue: DeliveryQueue
    private unowned let loop: EventLoop
    private let answer: ModbusTCPServer.Answer

    /// Serves at `path`, a link to the pseudo terminal that the kernel chose.
    init(
        path: String, _ settings: SerialSettings, isPaced: Bool, loop: EventLoop, queue: DeliveryQueue,
        answer: @escaping ModbusTCPServer.Answer
    ) throws(SystemError) {
        var name = [CChar](repeating: 0, count: 128)
        let raw = try checked(unsafe cl_open_pty(&name, name.count), "open a pseudo terminal")
        master = FileDescriptor(owning: raw)
        terminal = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        slave = try FileDescriptor.open(terminal, O_RDWR | O_NOCTTY)
        var attributes = termios()
        _ = unsafe tcgetattr(slave.raw, &attributes)
        unsafe cfmakeraw(&attributes)
        _ = unsafe tcsetattr(slave.raw, TCSANOW, &attributes)
        try checked(cl_set_nonblocking(raw, true), "fcntl")
        self.path = path
        self.loop = loop
        self.queue = queue
        self.answer = answer
        let perCharacter = Int64(1_000_000_000) * Int64(settings.bitsPerCharacter) / Int64(settings.baud)
        characterTime = isPaced ? Nanoseconds(perCharacter) : .zero
        try Folder.link(path, to: terminal)
        try loop.add(raw, .readable) { [unowned self] _ in receive() }
    }

    deinit { unsafe unlink(path) }

    private func receive() {
        var bytes = [UInt8](repeating: 0, count: 1024)
        let got = unsafe bytes.withUnsafeMutableBytes { unsafe cl_read(master.raw, $0.baseAddress, $0.count) }
        if got <= 0 { return }
        let now = SystemTime.monotonic
        // Bytes after a silence begin a new frame: 20 ms is over 3.5 characters at every usual speed.
        if now - lastByte > .milliseconds(20) { framer.clear() }
        lastByte = now
        framer.append(bytes[..<got])
        while true {
            switch framer.next() {
            case .incomplete: return
            case .nonsense: return framer.clear()
            case .frame(let request):
                let delivery = answer(request, .rtu, units)
                for (index, frame) in delivery.frames.enumerated() {
                    // On the wire: the request, 3.5 characters of silence, the reply.
                    let characters = Double(request.count) + 3.5 + Double(frame.bytes.count * (index + 1))
                    let wire = Nanoseconds(Int64(characters * Double(characterTime.count)))
                    let due = now + wire + frame.delay
                    if due <= now {
                        send(frame.bytes)
                    } else {
                        queue.at(due) { [weak self] in self?.send(frame.bytes) }
                    }
                }
            }
        }
    }

    private func send(_ bytes: [UInt8]) {
        _ = unsafe bytes.withUnsafeBytes { unsafe cl_write(master.raw, $0.baseAddress, $0.count) }
    }
}
