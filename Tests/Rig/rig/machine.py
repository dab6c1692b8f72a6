"""The virtual container as seen from outside: QEMU, its monitor, its shell, its serial Modbus line."""
import base64
import json
import pathlib
import shutil
import socket
import subprocess
import time


class RigFault(Exception):
    """The machine did not do what it was told; the scenario's answer is "failed"."""


class Result:
    def __init__(self, status: int, text: str):
        self.status, self.text = status, text

    def __repr__(self):
        return f"status {self.status}: {self.text.strip()[-2000:]}"


class Machine:
    """One boot after another of one disk. `folder` holds sockets, the overlay disk and the console's log."""

    def __init__(self, image: pathlib.Path, folder: pathlib.Path):
        self.image, self.folder = image, folder
        self.share = folder / "share"
        self.share.mkdir(parents=True, exist_ok=True)
        self.process = None
        self.shell = None
        self.monitor = None
        self.asked = 0
        self.disk = folder / "disk.qcow2"

    # -- power -------------------------------------------------------------------------------------
    def make_disk(self):
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(self.image / "rootfs.ext4"), "-F", "raw",
             str(self.disk)], check=True)

    def start(self):
        def path(name):
            return str(self.folder / name)

        console = f"file,id=console,path={path('console.log')},append=on"
        arguments = [
            "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max",
            "-smp", "2", "-m", "1024", "-nodefaults", "-no-user-config", "-display", "none",
            "-kernel", str(self.image / "vmlinuz"), "-initrd", str(self.image / "initrd.gz"),
            "-append", "console=ttyS0 root=/dev/vda rw panic=-1 quiet loglevel=4 systemd.show_status=0 tsc=reliable "
                       "no_timer_check random.trust_cpu=on mitigations=off "
                       # A busy host must not fail a boot that only takes longer.
                       "systemd.default_timeout_start_sec=600",
            "-chardev", console, "-serial", "chardev:console",
            # The second serial port is the RS-485 line; its slave stands outside the machine.
            "-chardev", f"socket,id=modbus,path={path('modbus.sock')},server=on,wait=off", "-serial", "chardev:modbus",
            "-drive", f"if=none,id=disk,file={self.disk},format=qcow2,cache=writeback",
            "-device", "virtio-blk-pci,drive=disk",
            "-virtfs", f"local,path={self.share},mount_tag=rig,security_model=none",
            "-device", "virtio-serial-pci", "-chardev", f"socket,id=shell,path={path('shell.sock')},server=on,wait=off",
            "-device", "virtserialport,chardev=shell,name=rig",
            "-device", "i6300esb,id=watchdog", "-action", "watchdog=reset",
            "-qmp", f"unix:{path('qmp.sock')},server=on,wait=off",
        ]
        log = open(self.folder / "qemu.log", "ab")
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        # Connected before the guest opens its end, or the first words are lost.
        self.shell = self._connect("shell.sock")
        self.monitor = self._connect("qmp.sock")
        self._line(self.monitor, time.monotonic() + 10)
        self._monitor_command("qmp_capabilities")

    def reset(self):
        """Cuts the power and gives it back."""
        self._monitor_command("system_reset")

    def stop(self):
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None

    # -- the shell ---------------------------------------------------------------------------------
    def wait_for_shell(self, timeout=120):
        deadline = time.monotonic() + timeout
        while True:
            if self._line(self.shell, deadline) == "ready":
                return

    def run(self, command: str, timeout=60) -> Result:
        """Runs a command in the machine, as root. Each answer begins with its question's number: one that
        came too late for its question is never taken for the next one's."""
        self.asked += 1
        self._send(self.shell, base64.b64encode(f"echo {self.asked}\n{command}".encode()).decode() + "\n")
        deadline = time.monotonic() + timeout
        output = []
        while True:
            line = self._line(self.shell, deadline)
            if line.startswith("end "):
                number, _, text = base64.b64decode("".join(output)).decode(errors="replace").partition("\n")
                if number == str(self.asked):
                    return Result(int(line[4:]), text)
                output = []
            elif line != "ready":
                output.append(line)

    def check(self, command: str, timeout=60) -> str:
        """The command's output; a failure of the scenario where it fails."""
        result = self.run(command, timeout)
        if result.status != 0:
            raise RigFault(f"{command}: {result}")
        return result.text

    def wait_until(self, command: str, timeout=30, every=0.2) -> str:
        """Repeats a command until it succeeds."""
        deadline = time.monotonic() + timeout
        while True:
            result = self.run(command)
            if result.status == 0:
                return result.text
            if time.monotonic() > deadline:
                raise RigFault(f"not within {timeout} s: {command}: {result}")
            time.sleep(every)

    # -- plumbing ----------------------------------------------------------------------------------
    def _connect(self, name):
        path = str(self.folder / name)
        deadline = time.monotonic() + 10
        while True:
            try:
                wire = socket.socket(socket.AF_UNIX)
                wire.connect(path)
                return Wire(wire)
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    log = (self.folder / "qemu.log").read_text(errors="replace")
                    raise RigFault(f"QEMU does not answer on {name}: {log[-1000:]}")
                time.sleep(0.02)

    def modbus_wire(self):
        """The far end of the serial line, for a slave to stand on."""
        wire = socket.socket(socket.AF_UNIX)
        wire.connect(str(self.folder / "modbus.sock"))
        return wire

    def _send(self, wire, text):
        wire.socket.sendall(text.encode())

    def _line(self, wire, deadline):
        while b"\n" not in wire.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise RigFault("the machine does not answer in time")
            wire.socket.settimeout(left)
            try:
                got = wire.socket.recv(65536)
            except TimeoutError:
                raise RigFault("the machine does not answer in time")
            if not got:
                raise RigFault("the machine is off")
            wire.buffer += got
        line, wire.buffer = wire.buffer.split(b"\n", 1)
        return line.decode(errors="replace").rstrip("\r")

    def _monitor_command(self, command, **arguments):
        self._send(self.monitor, json.dumps({"execute": command, "arguments": arguments}) + "\n")
        deadline = time.monotonic() + 20
        while True:
            answer = json.loads(self._line(self.monitor, deadline))
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise RigFault(f"{command}: {answer['error']}")

    def discard(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Wire:
    def __init__(self, connected):
        self.socket, self.buffer = connected, b""
