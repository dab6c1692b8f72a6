internal import CLinux
internal import CModbus
internal import Glibc
internal import Platform
internal import Site

/// A serial line as a byte channel. libmodbus opens the device and sets speed, parity, stop bits and the
/// kernel's RS-485 mode: that is where its knowledge of termios is worth having. Frames, waiting and
/// checking are ours, because its receive loop waits in select() (which aborts the process at descriptor
/// 1,024), takes a late reply for the next answer, ends at a foreign unit's frame, and refuses unit ids
/// above 247 (issues #583, #860; proved on 3.1.6).
final class SerialChannel: ByteChannel {
    private let device: String
    private let settings: SerialSettings
    private let kernelRS485: Bool
    /// Readable once the agent stops: ends every wait.
    private let stopDescriptor: Int32
    private var line: SerialLine?

    init(device: String, settings: SerialSettings, kernelRS485: Bool, stopDescriptor: Int32 = -1) {
        self.stopDescriptor = stopDescriptor
        self.device = device
        self.settings = settings
        self.kernelRS485 = kernelRS485
    }

    var isOpen: Bool { line != nil }
    var descriptor: Int32 { line?.raw ?? -1 }

    /// The path is opened anew each time: with /dev/serial/by-id an adapter that was pulled and put back
    /// is found again, whatever number it now has.
    func open() throws(ChannelFault) {
        close()
        line = try SerialLine(device: device, settings, kernelRS485: kernelRS485)
    }

    func close() { line = nil }

    func send(_ bytes: [UInt8]) throws(ChannelFault) {
        guard let raw = line?.raw else { throw .lost("\(device): not open") }
        var sent = 0
        while sent < bytes.count {
            let wrote = unsafe bytes.withUnsafeBytes {
                unsafe cl_write(raw, $0.baseAddress?.advanced(by: sent), $0.count - sent)
            }
            if wrote > 0 {
                sent += wrote
            } else if wrote == -Int(EAGAIN) {
                // The line's buffer is full: a frame's time at 300 baud is 10 s, a stuck adapter's for ever.
                guard cl_wait_writable(raw, 10_000_000_000) > 0 else { throw .lost("\(device): does not take bytes") }
            } else {
                throw .lost("\(device): \(SystemError.text(of: Int32(-wrote)))")
            }
        }
    }

    func receive(into buffer: inout ReceiveBuffer, until deadline: MonotonicTime) throws(ChannelFault) -> Int {
        guard let raw = line?.raw else { throw .lost("\(device): not open") }
        return try receiveBytes(raw, isSocket: false, into: &buffer, until: deadline, stop: stopDescriptor) { why in
            "\(device): \(why)"
        }
    }

    func receiveNow(into buffer: inout ReceiveBuffer) throws(ChannelFault) -> Int {
        guard let raw = line?.raw else { throw .lost("\(device): not open") }
        return try takeBytes(raw, isSocket: false, into: &buffer) { why in "\(device): \(why)" }
    }

    func pause(until deadline: MonotonicTime) { pauseThread(until: deadline, stop: stopDescriptor) }
}

/// Owns libmodbus's context of one open serial line.
@safe private struct SerialLine: ~Copyable {
    private let context: OpaquePointer
    let raw: Int32

    init(device: String, _ settings: SerialSettings, kernelRS485: Bool) throws(ChannelFault) {
        let parity = CChar(bitPattern: settings.parity.rawValue.utf8.first ?? UInt8(ascii: "N"))
        guard
            let context = unsafe modbus_new_rtu(device, Int32(settings.baud), parity, 8, Int32(settings.stopBits))
        else { throw .lost("\(device): libmodbus refuses \(settings)") }
        var result = unsafe cm_connect(context)
        guard result == 0 else {
            unsafe modbus_free(context)
            switch -result {
            case EACCES, EPERM: throw .noPermission(device)
            case ENOENT, ENODEV, ENXIO: throw .lost("\(device): no such device; is the adapter plugged in?")
            default: throw .lost("\(device): \(SystemError.text(of: -result))")
            }
        }
        if kernelRS485 {
            result = unsafe cm_set_rs485(context)
            guard result == 0 else {
                unsafe modbus_close(context)
                unsafe modbus_free(context)
                throw .lost("\(device): its driver has no RS-485 mode (\(SystemError.text(of: -result))); drop 'rs485'")
            }
        }
        unsafe self.context = context
        raw = unsafe modbus_get_socket(context)
    }

    deinit {
        unsafe modbus_close(context)
        unsafe modbus_free(context)
    }
}
