"""A Modbus RTU slave on the far end of the serial line: input registers, unit 1, written from the
specification (Modbus over serial line 1.02), not from our own code."""
import struct
import threading


def checksum(frame):
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class Slave:
    def __init__(self, wire):
        self.wire = wire
        self.registers = [0] * 256
        self.is_mute = False
        self.answered = 0
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.wire.close()
        self.thread.join(2)

    def set_float(self, address, value):
        self.registers[address:address + 2] = struct.unpack(">HH", struct.pack(">f", value))

    def _serve(self):
        buffer = b""
        self.wire.settimeout(0.2)
        while True:
            try:
                got = self.wire.recv(256)
                if not got:
                    return
                buffer += got
            except TimeoutError:
                buffer = b""  # silence ends a frame
                continue
            except OSError:
                return
            while len(buffer) >= 8:
                request, buffer = buffer[:8], buffer[8:]
                if request[6:] != checksum(request[:6]):
                    buffer = b""
                    break
                self._answer(request)

    def _answer(self, request):
        unit, function, address, count = struct.unpack(">BBHH", request[:6])
        if unit != 1 or self.is_mute:
            return
        if function not in (3, 4):
            answer = struct.pack(">BBB", unit, function | 0x80, 1)
        elif address + count > len(self.registers):
            answer = struct.pack(">BBB", unit, function | 0x80, 2)
        else:
            words = self.registers[address:address + count]
            answer = struct.pack(">BBB", unit, function, 2 * count) + struct.pack(f">{count}H", *words)
        try:
            self.wire.sendall(answer + checksum(answer))
            self.answered += 1
        except OSError:
            pass
