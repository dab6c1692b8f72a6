"""The virtual container with our agent in it: what scenarios say instead of shell lines."""
import json
import os
import shutil
import subprocess
import time

from .machine import Machine, RigFault

PULLS = {"DOOR1": 0, "DOOR2": 1, "PIR1": 2, "SMOKE1": 3, "LEAK1": 4, "TAMPER1": 5, "TAMPER2": 6, "MAINS1": 7}


class Container:
    def __init__(self, image, folder, root):
        self.machine = Machine(image, folder)
        self.root = root

    # -- life --------------------------------------------------------------------------------------
    def install(self):
        """Our tree as `make install` lays it, in a fresh machine; the agent enabled and started."""
        tree = self.machine.share / "tree"
        subprocess.run(["bash", "Units/install", str(tree), "/usr"], cwd=self.root, check=True,
                       stdout=subprocess.DEVNULL)
        shutil.copy(self.root / "Tests/Rig/site.yaml", tree / "etc/mdc-agent/site.yaml")
        # An emulated start may take long on a busy host; everything else of the unit is as shipped.
        slow = tree / "etc/systemd/system/mdc-agent.service.d"
        slow.mkdir(parents=True)
        (slow / "emulated.conf").write_text("[Service]\nTimeoutStartSec=300\n")
        # The tamper loop's second contact rests open; a fresh gpio-sim has every line low.
        rest = tree / "etc/systemd/system/rig-gpio.service.d"
        rest.mkdir(parents=True)
        (rest / "rest.conf").write_text(
            "[Service]\nExecStartPost=/bin/sh -c 'echo pull-up > /run/gpio-sim/sim_gpio6/pull'\n")
        shutil.copytree(self.root / "Tests/Rig/guest", self.machine.share / "guest")
        self.machine.make_disk()
        self.machine.start()
        self.machine.wait_for_shell(self.patience(120))
        self.machine.check("cp -a --no-preserve=ownership /rig/tree/. / && touch /etc/.updated /var/.updated && "
                           "systemd-sysusers && "
                           "systemd-tmpfiles --create mdc-agent.conf; chgrp -R mdc-agent /etc/mdc-agent && "
                           "udevadm control --reload && udevadm trigger --action=add --sysname-match=gpiochip0 "
                           "--sysname-match=ttyS1 && udevadm settle && systemctl daemon-reload",
                           self.patience(60))
        self.everything_normal()
        self.machine.check("systemctl enable mdc-agent.socket mdc-agent-page.socket mdc-agent.service && "
                           "systemctl start mdc-agent.service && sync", self.patience(60))
        self.wait_ready()

    @staticmethod
    def patience(seconds):
        """RIG_PATIENCE stretches every wait, for a machine with much else to do."""
        return seconds * float(os.environ.get("RIG_PATIENCE", "2"))

    def cut_power(self):
        self.machine.reset()
        self.machine.wait_for_shell(self.patience(120))

    def wait_ready(self, timeout=30):
        self.machine.wait_until("systemctl is-active -q mdc-agent.service", self.patience(timeout))

    def recover(self):
        """After a failed scenario: as good a start for the next one as can be had."""
        try:
            self.machine.run("rig-gpio; systemctl reset-failed mdc-agent; systemctl restart mdc-agent",
                             self.patience(60))
            self.everything_normal()
        except RigFault:
            pass

    def story(self):
        """What a person would look at first."""
        try:
            return self.machine.run("systemctl status mdc-agent.service --no-pager -n 0; "
                                    "journalctl -u mdc-agent.service -b --no-pager -n 25 -o short-monotonic").text
        except RigFault as fault:
            console = (self.machine.folder / "console.log")
            return f"{fault}\n{console.read_text(errors='replace')[-2000:] if console.exists() else ''}"

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
    def ask(self, path, body=None):
        text = self.machine.check(f"python3 /rig/guest/ask.py '{path}'" + (f" '{json.dumps(body)}'" if body is not None else ""))
        return json.loads(text)

    def points(self, pattern):
        found = self.ask(f"/v1/points?match={pattern}")["points"]
        return {point["name"]: point for point in found}

    def zone(self, name):
        """The zone's state as everybody sees it, or its quality where it is not good."""
        point = self.points(f"zone.{name}.state")[f"zone.{name}.state"]
        return point["value"] if point["quality"] == "good" else point["quality"]

    def wait_zone(self, name, wanted, timeout=15):
        ends = time.monotonic() + self.patience(timeout)
        while True:
            state = self.zone(name)
            if state == wanted:
                return
            if time.monotonic() > ends:
                raise RigFault(f"zone {name} is {state}, not {wanted}")
            time.sleep(0.1)

    def last_event(self):
        since = 0
        while True:
            page = self.ask(f"/v1/events?since={since}&limit=1000")
            since = page["next"]
            if len(page["events"]) < 1000:  # not a full page: what comes after it came after the question
                return since

    def events(self, since, kind=None, subject=None):
        found = self.ask(f"/v1/events?since={since}&limit=1000")["events"]
        return [e for e in found if (kind is None or e["kind"] == kind) and (subject is None or e["subject"] == subject)]

    def wait_event(self, since, kind, subject, holds=lambda event: True, timeout=15):
        ends = time.monotonic() + self.patience(timeout)
        while True:
            for event in self.events(since, kind, subject):
                if holds(event):
                    return event
            if time.monotonic() > ends:
                raise RigFault(f"no event {kind} of {subject} since {since}: {self.events(since)[-5:]}")
            time.sleep(0.1)

    def alarms(self):
        return {alarm["id"] for alarm in self.ask("/v1/alarms")["alarms"] if alarm["active"]}

    def property(self, name):
        return self.machine.check(f"systemctl show -P {name} mdc-agent.service").strip()

    def restarts(self):
        return int(self.property("NRestarts"))

    def guest(self, script, *words, timeout=60):
        return json.loads(self.machine.check(f"python3 /rig/guest/{script} {' '.join(map(str, words))}",
                                             self.patience(timeout)))


def evidence(event, name):
    return next((item["value"] for item in event.get("evidence", []) if item["name"] == name), None)
