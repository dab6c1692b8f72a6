"""The virtual container with our agent in it: what scenarios say instead of shell lines."""
import json
import os
import shutil
import subprocess
import time

from .budget import RigFault
from .machine import Machine

PULLS = {"DOOR1": 0, "DOOR2": 1, "PIR1": 2, "SMOKE1": 3, "LEAK1": 4, "TAMPER1": 5, "TAMPER2": 6, "MAINS1": 7}
AGENT = "mdc-agent.service"
SITE = "/etc/mdc-agent/site.yaml"


class Container:
    def __init__(self, image, folder, root, budget):
        self.machine = Machine(image, folder, budget)
        self.image, self.root, self.budget = image, root, budget
        self.found_at_installation = ""

    # -- life --------------------------------------------------------------------------------------
    def install(self):
        """Our Debian package in a fresh machine, as a user installs it; then the rig's own site file."""
        share = self.machine.share
        subprocess.run(["bash", "Units/deb", str(self.machine.folder)], cwd=self.root, check=True,
                       # What `make deb` makes, but for xz, which takes minutes in an emulated machine.
                       env=dict(os.environ, DEB_COMPRESSION="none"), stdout=subprocess.DEVNULL)
        shutil.copy(next(self.machine.folder.glob("mdc-agent_*.deb")), share / "mdc-agent.deb")
        shutil.copy(self.root / "Tests/Rig/site.yaml", share / "site.yaml")
        shutil.copytree(self.root / "Tests/Rig/guest", share / "guest")
        shutil.copytree(self.root / "Tests/Rig/hardware", share / "hardware")
        if (self.image / "gpiod2").exists():
            shutil.copytree(self.image / "gpiod2", share / "gpiod2")
        # At every boot: the coldplug that would load them is left out.
        modules = share / "etc/modules-load.d"
        modules.mkdir(parents=True)
        (modules / "rig-cards.conf").write_text("nvme\nvirtio-rng\n")
        # An emulated start may take long on a busy host; everything else of the unit is as shipped.
        for unit in (AGENT, "mdc-inference.service"):
            self._drop_in(unit, "[Service]\nTimeoutStartSec=300\n")
        # The tamper loop's second contact rests open; a fresh gpio-sim has every line low.
        self._drop_in("rig-gpio.service",
                      "[Service]\nExecStartPost=/bin/sh -c 'echo pull-up > /run/gpio-sim/sim_gpio6/pull'\n")
        self.machine.make_disk()
        self.machine.start()
        self.machine.check("cp -a --no-preserve=ownership /rig/etc/. /etc/ && systemctl daemon-reload && "
                           "modprobe -a nvme virtio-rng && touch /etc/.updated /var/.updated", 30)
        self.everything_normal()
        self.machine.check("DEBIAN_FRONTEND=noninteractive dpkg -i /rig/mdc-agent.deb", 60)
        self.wait_ready()
        self.found_at_installation = self.machine.run("mdc-agent status; mdc-agent check").text
        self.machine.check("udevadm trigger --action=add --subsystem-match=gpio --subsystem-match=tty && "
                           "udevadm settle && cp /rig/hardware/*.yaml /usr/share/mdc-agent/hardware/accelerators/")
        self.use_site((self.root / "Tests/Rig/site.yaml").read_text())

    def _drop_in(self, unit, text):
        folder = self.machine.share / f"etc/systemd/system/{unit}.d"
        folder.mkdir(parents=True)
        (folder / "rig.conf").write_text(text)

    def use_site(self, text):
        """Another site file, taken up by a reload as a technician does it."""
        (self.machine.share / "site.yaml").write_text(text)
        self.machine.check(f"cp /rig/site.yaml {SITE} && mdc-agent check > /run/rig-check; "
                           f"test $? -lt 78 || {{ cat /run/rig-check; exit 1; }}; "
                           "systemctl reload mdc-agent.service && sync", 30)
        self.wait_ready()

    def site(self):
        return (self.root / "Tests/Rig/site.yaml").read_text()

    def cut_power(self):
        self.machine.reset()

    def wait_ready(self, timeout=20):
        self.machine.wait_until(f"systemctl is-active -q {AGENT}", timeout)

    def recover(self):
        """After a failed scenario: as good a start for the next one as can be had."""
        try:
            self.machine.run("rig-gpio; systemctl reset-failed mdc-agent; systemctl restart mdc-agent")
            self.everything_normal()
            self.wait_ready()
        except RigFault:
            try:
                self.cut_power()
                self.everything_normal()
                self.wait_ready()
            except RigFault:
                pass

    def story(self):
        """What a person would look at first: the agent's own words and the machine's console."""
        try:
            agent = self.machine.run("systemctl status mdc-agent.service --no-pager -n 0; "
                                     "journalctl -u mdc-agent.service -b --no-pager -n 25 -o short-monotonic").text
        except RigFault as fault:
            agent = f"the machine says no more: {fault}"
        return f"--- the agent\n{agent.strip()}\n--- the end of the console\n{self.machine.console().strip()}\n---"

    # -- lines -------------------------------------------------------------------------------------
    def pull(self, line, up):
        offset = PULLS.get(line, line)
        self.machine.check(f"echo pull-{'up' if up else 'down'} > /run/gpio-sim/sim_gpio{offset}/pull")

    def everything_normal(self):
        """Contacts closed (to ground), the complement of the tamper pair open."""
        script = "; ".join(f"echo pull-{'up' if offset == 6 else 'down'} > /run/gpio-sim/sim_gpio{offset}/pull"
                           for offset in list(PULLS.values()) + [20, 21])
        self.machine.check(script)

    # -- the agent ---------------------------------------------------------------------------------
    def ask(self, path):
        answer = self.machine.check(f"bash /rig/guest/ask.sh '{path}'")
        head, _, body = answer.partition("\r\n\r\n")
        if " 200 " not in head.partition("\r\n")[0]:
            raise RigFault(f"{path}: {answer[:500]}")
        return json.loads(body)

    def points(self, pattern):
        found = self.ask(f"/v1/points?match={pattern}")["points"]
        return {point["name"]: point for point in found}

    def point(self, name):
        """The point's value as everybody sees it, or its quality where that is not good."""
        point = self.points(name)[name]
        return point["value"] if point["quality"] == "good" else point["quality"]

    def wait_point(self, name, holds, timeout=15):
        deadline = self.budget.deadline(timeout)
        while True:
            value = self.point(name)
            if holds(value) if callable(holds) else value == holds:
                return value
            if time.monotonic() > deadline:
                raise RigFault(f"{name} is {value} ({self.budget.why()})")
            time.sleep(0.1)

    def wait_zone(self, name, wanted, timeout=15):
        self.wait_point(f"zone.{name}.state", wanted, timeout)

    def last_event(self):
        return self.ask("/v1/events?limit=1")["next"]

    def events(self, since, kind=None, subject=None):
        found = self.ask(f"/v1/events?since={since}&limit=1000")["events"]
        return [e for e in found if (kind is None or e["kind"] == kind) and (subject is None or e["subject"] == subject)]

    def wait_event(self, since, kind, subject, holds=lambda event: True, timeout=15):
        deadline = self.budget.deadline(timeout)
        while True:
            for event in self.events(since, kind, subject):
                if holds(event):
                    return event
            if time.monotonic() > deadline:
                raise RigFault(f"no event {kind} of {subject} since {since} ({self.budget.why()}): "
                               f"{self.events(since)[-5:]}")
            time.sleep(0.1)

    def alarms(self):
        return {alarm["id"] for alarm in self.ask("/v1/alarms")["alarms"] if alarm["active"]}

    def wait_alarm(self, name, is_active=True, timeout=15):
        deadline = self.budget.deadline(timeout)
        while (name in self.alarms()) != is_active:
            if time.monotonic() > deadline:
                raise RigFault(f"alarm {name} is {'not ' if is_active else ''}active ({self.budget.why()})")
            time.sleep(0.1)

    def property(self, name):
        return self.machine.check(f"systemctl show -P {name} {AGENT}").strip()

    def restarts(self):
        return int(self.property("NRestarts"))

    # -- inference ---------------------------------------------------------------------------------
    def begin_inference(self):
        """A model that answers what it is asked, and four clients that ask all the time."""
        self.machine.check(
            "mkdir -p /var/lib/mdc-inference/models/echo && cat > /var/lib/mdc-inference/models/echo/model.yaml <<end\n"
            "engine: identity\n"
            "inputs: [{name: x, datatype: FP32, shape: [-1, 4]}]\noutputs: [{name: y, datatype: FP32, shape: [-1, 4]}]\n"
            "end\n"
            "rm -f /run/rig-clients*; systemctl restart mdc-inference.service", 30)
        self.wait_inference()
        self.machine.check("(python3 /rig/guest/clients.py /run/rig-clients-stop > /run/rig-clients 2>&1 &) ")

    def wait_inference(self, timeout=30):
        self.machine.wait_until("mdc-agent infer send echo --fill 2.5 --expect 2.5,2.5,2.5,2.5", timeout, every=0.5)

    def end_inference(self):
        """How it went for the clients."""
        self.machine.check("touch /run/rig-clients-stop")
        return json.loads(self.machine.wait_until("test -s /run/rig-clients && cat /run/rig-clients", 30))

    def journal(self):
        """The journal file, looked at from outside: whole, and how far it goes."""
        found = self.guest("journal.py")
        assert found["count"] == found["last"] - found["first"] + 1, f"a gap: {found}"
        return found

    def guest(self, script, *words, timeout=30):
        return json.loads(self.machine.check(f"python3 /rig/guest/{script} {' '.join(map(str, words))}", timeout))


def evidence(event, name):
    return next((item["value"] for item in event.get("evidence", []) if item["name"] == name), None)
