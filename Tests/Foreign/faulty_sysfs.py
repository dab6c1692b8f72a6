"""A folder shown again through FUSE, whose files fail as a card's driver makes them fail: with an errno, with
garbage, late, or never. The kernel's own paths are used: the reader hangs where it hangs in a driver."""
import contextlib
import ctypes
import errno
import os
import stat
import struct
import threading

_libc = ctypes.CDLL(None, use_errno=True)
_NOSUID_NODEV, _MNT_DETACH = 2 | 4, 2
_DIRECT_IO = 1  # each read is asked of us, as sysfs asks the driver

# Operations of the kernel's include/uapi/linux/fuse.h.
_LOOKUP, _FORGET, _GETATTR, _SETATTR, _READLINK, _OPEN, _READ, _WRITE = 1, 2, 3, 4, 5, 14, 15, 16
_STATFS, _RELEASE, _INIT, _OPENDIR, _READDIR, _RELEASEDIR, _ACCESS = 17, 18, 26, 27, 28, 29, 34
_INTERRUPT, _DESTROY, _BATCH_FORGET = 36, 38, 42

class Unavailable(Exception):
    """FUSE cannot be mounted here."""

class FaultySysfs:
    """Shows `behind` at `mount`. `faults` is keyed by the path below it; a value is an errno, bytes to read
    instead, ("late", seconds) or "hang"."""

    def __init__(self, behind, mount):
        self.behind, self.mount = str(behind), str(mount)
        self.faults = {}
        self.reads = {}
        self.written = []
        self.hung = []
        self._lock = threading.Lock()
        self._paths, self._numbers = {1: ""}, {"": 1}
        os.makedirs(self.mount, exist_ok=True)
        try:
            self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError as why:
            raise Unavailable(str(why)) from why
        options = f"fd={self._device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other"
        if _libc.mount(b"faulty", self.mount.encode(), b"fuse", _NOSUID_NODEV, options.encode()) != 0:
            why = os.strerror(ctypes.get_errno())
            os.close(self._device)
            raise Unavailable(f"mount: {why}")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self.release()
        _libc.umount2(self.mount.encode(), _MNT_DETACH)
        self._thread.join(10)
        os.close(self._device)

    def release(self):
        """Ends every hang, as a driver does that comes to its senses."""
        with self._lock:
            self.faults = {path: fault for path, fault in self.faults.items() if fault != "hang"}
            waiting, self.hung = self.hung, []
        for unique, path, request in waiting:
            self._answer_read(unique, path, request)

    @contextlib.contextmanager
    def fault(self, fault, *paths):
        with self._lock:
            for path in paths:
                self.faults[path] = fault
        try:
            yield
        finally:
            self.release()
            with self._lock:
                for path in paths:
                    self.faults.pop(path, None)

    # -- the kernel's requests

    def _serve(self):
        while True:
            try:
                request = os.read(self._device, 1 << 17)
            except OSError as why:
                if why.errno in (errno.EINTR, errno.ENOENT):
                    continue
                return  # ENODEV: unmounted
            _, operation, unique, node = struct.unpack_from("<IIQQ", request)
            if operation in (_FORGET, _BATCH_FORGET, _INTERRUPT):
                continue
            body = request[40:]
            try:
                answer = self._perform(operation, unique, self._paths.get(node, ""), body)
            except OSError as why:
                self._reply(unique, why.errno)
                continue
            if answer is not None:
                self._reply(unique, 0, answer)
            if operation == _DESTROY:
                return

    def _reply(self, unique, error, data=b""):
        with contextlib.suppress(OSError):
            os.write(self._device, struct.pack("<IiQ", 16 + len(data), -error, unique) + data)

    def _perform(self, operation, unique, path, body):
        if operation == _INIT:
            return struct.pack("<IIIIHHIIHHI", 7, 31, 0, 0, 16, 12, 4096, 1, 1, 0, 0) + bytes(28)
        if operation == _LOOKUP:
            return self._entry(path, body.rstrip(b"\0").decode())
        if operation in (_GETATTR, _SETATTR):
            return struct.pack("<QII", 0, 0, 0) + self._attributes(path)
        if operation == _READLINK:
            return os.readlink(self._real(path)).encode()
        if operation in (_OPEN, _OPENDIR):
            if struct.unpack_from("<I", body)[0] & os.O_ACCMODE != os.O_RDONLY:
                self.written.append(path)
            os.lstat(self._real(path))
            return struct.pack("<QII", 0, _DIRECT_IO if operation == _OPEN else 0, 0)
        if operation == _READ:
            return self._read(unique, path, body)
        if operation == _WRITE:
            offset, size = struct.unpack_from("<8xQI", body)
            with open(self._real(path), "r+b") as file:
                file.seek(offset)
                file.write(body[40:40 + size])
            return struct.pack("<II", size, 0)
        if operation == _READDIR:
            return self._folder(path, *struct.unpack_from("<8xQI", body))
        if operation == _STATFS:
            return bytes(80)
        if operation in (_RELEASE, _RELEASEDIR, _ACCESS, _DESTROY):
            return b""
        raise OSError(errno.ENOSYS, "not needed")

    def _real(self, path):
        return os.path.join(self.behind, path) if path else self.behind

    def _entry(self, folder, name):
        path = f"{folder}/{name}" if folder else name
        attributes = self._attributes(path)
        number = self._numbers.setdefault(path, len(self._numbers) + 1)
        self._paths[number] = path
        return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + attributes

    def _attributes(self, path):
        status = os.lstat(self._real(path))
        # sysfs says a page for every file, whatever is in it.
        size = 4096 if stat.S_ISREG(status.st_mode) else status.st_size
        return struct.pack(
            "<QQQQQQIIIIIIIIII", status.st_ino, size, 8, 0, 0, 0, 0, 0, 0, status.st_mode, 1, status.st_uid,
            status.st_gid, 0, 4096, 0)

    def _folder(self, path, offset, size):
        names = [".", ".."] + sorted(os.listdir(self._real(path)))
        data = b""
        for place, name in enumerate(names[offset:], offset + 1):
            encoded = name.encode()
            one = struct.pack("<QQII", place, place, len(encoded), 0) + encoded
            one += bytes(-len(one) % 8)
            if len(data) + len(one) > size:
                break
            data += one
        return data

    def _read(self, unique, path, body):
        with self._lock:
            self.reads[path] = self.reads.get(path, 0) + 1
            fault = self.faults.get(path)
            if fault == "hang":
                self.hung.append((unique, path, body))
                return None
        if isinstance(fault, tuple):
            # The others are served meanwhile.
            threading.Timer(fault[1], self._answer_read, (unique, path, body)).start()
            return None
        if isinstance(fault, int):
            raise OSError(fault, os.strerror(fault))
        return self._content(path, body, fault)

    def _content(self, path, body, instead=None):
        offset, size = struct.unpack_from("<8xQI", body)
        if instead is not None:
            return instead[offset:offset + size]
        try:
            with open(self._real(path), "rb") as file:
                return file.read()[offset:offset + size]
        except FileNotFoundError:
            raise OSError(errno.ENODEV, "its device is gone") from None

    def _answer_read(self, unique, path, body):
        try:
            answer = self._content(path, body)
        except OSError as why:
            return self._reply(unique, why.errno)
        return self._reply(unique, 0, answer)

