"""The virtual container as seen from outside: QEMU, its monitor, its shell, its serial Modbus line."""
import base64
import json
import os
import pathlib
import socket
import subprocess
import time

from .budget import Budget, RigFault


class Result:
    def __init__(self, status: int, text: str):
        self.status, self.text = status, text

    def __repr__(self):
        return f"status {self.status}: {self.text.strip()[-2000:]}"


class Machine:
    """One boot after another of one disk. `folder` holds sockets, the overlay disk and the console's log.
    Every time is what a quiet machine needs at most; the budget stretches it."""

    def __init__(self, image: pathlib.Path, folder: pathlib.Path, budget: Budget):
        self.image, self.folder, self.budget = image, folder, budget
        self.share = folder / "share"
        self.share.mkdir(parents=True, exist_ok=True)
        self.process = None
        self.shell = None
        self.monitor = None
        self.asked = 0
        self.boot = ""
        self.disk = folder / "disk.qcow2"

    # -- power -------------------------------------------------------------------------------------
    def make_disk(self):
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(self.image / "rootfs.ext4"), "-F", "raw",
             str(self.disk)], check=True)

    def start(self):
        """Powers the machine on and waits for its shell."""
        started = time.monotonic()
        log = open(self.folder / "qemu.log", "ab")
        self.process = subprocess.Popen(self._arguments(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        # Connected before the guest opens its end, or the first words are lost.
        self.shell = self._connect("shell.sock")
        self.monitor = self._connect("qmp.sock")
        self._line(self.monitor, self.budget.deadline(10))
        self.command("qmp_capabilities")
        # How slow this host is is not known yet: the first boot may take all the scenario's time.
        self._wait_for_boot(self.budget.scenario_ends)
        self.budget.booted(time.monotonic() - started)

    def _arguments(self):
        def path(name):
            return str(self.folder / name)

        return [
            "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max",
            "-smp", "2", "-m", "1024", "-nodefaults", "-no-user-config", "-display", "none",
            "-kernel", str(self.image / "vmlinuz"), "-initrd", str(self.image / "initrd.gz"),
            "-append", "console=ttyS0 root=/dev/vda rw panic=-1 quiet loglevel=4 systemd.show_status=0 tsc=reliable "
                       "no_timer_check random.trust_cpu=on mitigations=off "
                       # A busy host must not fail a boot that only takes longer.
                       "systemd.default_timeout_start_sec=600",
            "-chardev", f"file,id=console,path={path('console.log')},append=on", "-serial", "chardev:console",
            # The second serial port is the RS-485 line; its slave stands outside the machine.
            "-chardev", f"socket,id=modbus,path={path('modbus.sock')},server=on,wait=off", "-serial", "chardev:modbus",
            # What the guest has flushed outlives its power cut, since the host lives on: a flush of the host's own
            # disk would only add this host's disk to every number. RIG_DISK=writeback adds it.
            "-drive", f"if=none,id=disk,file={self.disk},format=qcow2,cache={os.environ.get('RIG_DISK', 'unsafe')}",
            "-device", "virtio-blk-pci,drive=disk",
            "-virtfs", f"local,path={self.share},mount_tag=rig,security_model=none",
            "-device", "virtio-serial-pci", "-chardev", f"socket,id=shell,path={path('shell.sock')},server=on,wait=off",
            "-device", "virtserialport,chardev=shell,name=rig",
            "-device", "i6300esb,id=watchdog", "-action", "watchdog=reset",
            # Two slots with stand-ins for accelerator cards: one with PCI Express error reporting, one with a
            # hwmon chip of its own.
            "-device", "pcie-root-port,id=slot1,chassis=1,slot=1,addr=0x10", *self._device(self.CARD),
            "-device", "pcie-root-port,id=slot2,chassis=2,slot=2,addr=0x11",
            "-blockdev", "null-co,node-name=flash,size=16777216,read-zeroes=on",
            "-device", "nvme,id=sensors,bus=slot2,serial=RIG-NVME-1,drive=flash",
            "-qmp", f"unix:{path('qmp.sock')},server=on,wait=off",
        ]

    CARD = {"driver": "virtio-rng-pci", "id": "card", "bus": "slot1", "aer": "on"}

    @staticmethod
    def _device(properties):
        return ["-device", ",".join([properties["driver"]] + [f"{k}={v}" for k, v in properties.items()
                                                              if k != "driver"])]

    def reset(self):
        """Cuts the power, gives it back and waits for the new boot's shell."""
        started = time.monotonic()
        self.command("system_reset")
        self._wait_for_boot(self.budget.deadline(60))
        self.budget.booted(time.monotonic() - started)

    def stop(self):
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None

    def _wait_for_boot(self, deadline):
        """Until a shell answers that is of another boot than the one before: every "ready" is asked who it
        is, and what a dying machine still said does not count."""
        output = []
        while True:
            line = self._line(self.shell, deadline)
            if line == "ready":
                self._question("cat /proc/sys/kernel/random/boot_id")
                output = []
            elif line.startswith("end "):
                boot = self._answer(line, output)
                output = []
                if boot and boot.text.strip() != self.boot:
                    self.boot = boot.text.strip()
                    return
            else:
                output.append(line)

    # -- the shell ---------------------------------------------------------------------------------
    def run(self, command: str, timeout=15) -> Result:
        """Runs a command in the machine, as root."""
        return self._ask(command, self.budget.deadline(timeout))

    def _ask(self, command, deadline):
        self._question(command)
        output = []
        while True:
            line = self._line(self.shell, deadline)
            if line.startswith("end "):
                answer = self._answer(line, output)
                if answer:
                    return answer
                output = []
            elif line != "ready":
                output.append(line)

    def _question(self, command):
        self.asked += 1
        self._send(self.shell, base64.b64encode(f"echo {self.asked}\n{command}".encode()).decode() + "\n")

    def _answer(self, end, output):
        """Each answer begins with its question's number: one that came too late for its question is never
        taken for the next one's."""
        number, _, text = base64.b64decode("".join(output)).decode(errors="replace").partition("\n")
        return Result(int(end[4:]), text) if number == str(self.asked) else None

    def check(self, command: str, timeout=15) -> str:
        """The command's output; a failure of the scenario where it fails."""
        result = self.run(command, timeout)
        if result.status != 0:
            raise RigFault(f"{command}: {result}")
        return result.text

    def wait_until(self, command: str, timeout=15, every=0.2) -> str:
        """Repeats a command until it succeeds."""
        deadline = self.budget.deadline(timeout)
        while True:
            result = self.run(command)
            if result.status == 0:
                return result.text
            if time.monotonic() > deadline:
                raise RigFault(f"given up ({self.budget.why()}): {command}: {result}")
            time.sleep(every)

    # -- the monitor -------------------------------------------------------------------------------
    def command(self, command, **arguments):
        self._send(self.monitor, json.dumps({"execute": command, "arguments": arguments}) + "\n")
        deadline = self.budget.deadline(20)
        while True:
            answer = json.loads(self._line(self.monitor, deadline))
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise RigFault(f"{command}: {answer['error']}")

    def human(self, line):
        """A line of the monitor for people, where QEMU has no other."""
        said = self.command("human-monitor-command", **{"command-line": line}).strip()
        if "rror" in said and "OK" not in said:
            raise RigFault(f"{line}: {said}")
        return said

    def unplug(self, name):
        self.command("device_del", id=name)

    def plug_card(self):
        self.command("device_add", **self.CARD)

    # -- plumbing ----------------------------------------------------------------------------------
    def console(self, bytes_max=3000):
        """The end of what the machine said on its first serial line."""
        path = self.folder / "console.log"
        return path.read_bytes()[-bytes_max:].decode(errors="replace") if path.exists() else ""

    def _connect(self, name):
        path = str(self.folder / name)
        deadline = self.budget.deadline(20)
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
        try:
            wire.socket.settimeout(max(1.0, self.budget.left))
            wire.socket.sendall(text.encode())
        except OSError as fault:
            raise RigFault(f"the machine is off ({fault})")

    def _line(self, wire, deadline):
        while b"\n" not in wire.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise RigFault(f"the machine does not answer: {self.budget.why()}")
            wire.socket.settimeout(left)
            try:
                got = wire.socket.recv(65536)
            except TimeoutError:
                continue
            except OSError as fault:
                raise RigFault(f"the machine is off ({fault})")
            if not got:
                raise RigFault("the machine is off")
            wire.buffer += got
        line, wire.buffer = wire.buffer.split(b"\n", 1)
        return line.decode(errors="replace").rstrip("\r")


class Wire:
    def __init__(self, connected):
        self.socket, self.buffer = connected, b""
