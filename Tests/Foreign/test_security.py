"""The container's skin as a technician has it: lines from a foreign program, the agent's own commands."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import ROOT, binary, eventually, free_port, get_json

SITE = """site: testbed
title: Test container
journal:
  folder: {folder}/state
status:
  listen: ["127.0.0.1:{port}"]
security:
  source: simulated
  socket: {folder}/lines.sock
  exit-delay: 0s
  zones:
    door: {{kind: door, line: DOOR1, debounce: 0ms}}
    leak: {{kind: leak, line: LEAK1, debounce: 0ms}}
"""


class Lines:
    """The make-believe container's socket, by the protocol as it is written down: `line NAME LEVEL NS`."""

    def __init__(self, path):
        self.path, self.levels, self.clients = path, {"DOOR1": 0, "LEAK1": 0}, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.clients.append(client)
            for name in self.levels:
                self._say(client, name)

    def _say(self, client, name):
        try:
            client.sendall(f"line {name} {self.levels[name]} {time.monotonic_ns()}\n".encode())
        except OSError:
            self.clients.remove(client)

    def set(self, name, level):
        self.levels[name] = level
        for client in list(self.clients):
            self._say(client, name)

    def close(self):
        self.listener.close()
        os.unlink(self.path)
        for client in self.clients:
            client.shutdown(socket.SHUT_RDWR)
            client.close()
        self.clients = []


@pytest.fixture
def house(processes, tmp_path):
    return House(processes, tmp_path)


class House:
    def __init__(self, processes, folder):
        self.processes, self.folder = processes, folder
        (folder / "run").mkdir()
        self.socket = folder / "run" / "agent.sock"
        (folder / "site.yaml").write_text(SITE.format(folder=folder, port=free_port()))
        self.lines = Lines(folder / "lines.sock")
        self.env = {"RUN_DIR": str(folder / "run"), "MDC_HARDWARE": str(ROOT / "Hardware"),
                    "MDC_SITE": str(folder / "site.yaml")}
        self.start()

    def start(self):
        self.agent = self.processes.start(binary("mdc-agent"), "run", env=self.env)
        eventually(lambda: "ready\n" in open(self.agent.log).read() or self.agent.poll() is not None, what="ready")
        assert self.agent.poll() is None, open(self.agent.log).read()

    def point(self, name):
        found = get_json(self.socket, f"/v1/points?match={name}")[1]["points"][0]
        return found["value"] if found["quality"] == "good" else found["quality"]

    def alarms(self):
        return {a["id"] for a in get_json(self.socket, "/v1/alarms")[1]["alarms"] if a["active"]}

    def events(self):
        return get_json(self.socket, "/v1/events?since=0&limit=1000")[1]["events"]

    def command(self, *words):
        return subprocess.run([binary("mdc-agent"), *words], env=dict(os.environ, **self.env),
                              capture_output=True, text=True, timeout=60)


def test_a_door_is_a_point_an_event_and_while_armed_an_intrusion(house):
    eventually(lambda: house.point("zone.door.state") == "normal", what="a closed door")
    house.lines.set("DOOR1", 1)
    eventually(lambda: house.point("zone.door.state") == "alarm", what="an open door")
    assert "zone.door.intrusion" not in house.alarms()

    refused = house.command("arm", "away")
    assert refused.returncode == 75 and "door is in alarm" in refused.stderr, refused
    house.lines.set("DOOR1", 0)
    eventually(lambda: house.point("zone.door.state") == "normal", what="a closed door")
    armed = house.command("arm", "away")
    assert armed.returncode == 0 and armed.stdout == "armed away\n", armed

    house.lines.set("DOOR1", 1)
    eventually(lambda: "zone.door.intrusion" in house.alarms(), what="an intrusion")
    posture = get_json(house.socket, "/v1/status")[1]["posture"]
    assert posture["state"] == "seal", posture
    assert house.command("disarm").returncode == 0
    eventually(lambda: "zone.door.intrusion" not in house.alarms(), what="the end of the intrusion")

    told = [e for e in house.events() if e["kind"] == "arming.changed"]
    assert [e["text"] for e in told] == ["armed away", "disarmed"]
    assert all(e["actor"] for e in told), "who did it, and through which door"
    order = [e["kind"] for e in house.events() if e["subject"] in ("zone.door", "site.arming")]
    assert order.index("alarm.raised") > order.index("arming.changed")


def test_a_leak_is_an_alarm_at_once_and_lost_lines_are_faults_never_closed(house):
    house.lines.set("LEAK1", 1)
    eventually(lambda: "zone.leak.leak" in house.alarms(), what="a leak")
    house.lines.set("LEAK1", 0)
    eventually(lambda: "zone.leak.leak" not in house.alarms(), what="the end of the leak")
    house.lines.close()
    eventually(lambda: house.point("zone.leak.state") == "failed", what="a fault")
    eventually(lambda: {"zone.leak.fault", "zone.door.fault"} <= house.alarms(), what="the faults' alarms")
    house.lines = Lines(house.folder / "lines.sock")
    eventually(lambda: house.point("zone.leak.state") == "normal", what="lines again")


def test_killed_while_armed_it_is_armed_again_and_nothing_is_lost(house):
    eventually(lambda: house.point("zone.door.state") == "normal", what="a closed door")
    assert house.command("arm", "away").returncode == 0
    before = house.events()
    house.agent.send_signal(signal.SIGKILL)
    house.agent.wait()
    house.lines.set("DOOR1", 1)
    house.start()
    eventually(lambda: "zone.door.intrusion" in house.alarms(), what="the intrusion that it missed")
    after = house.events()
    assert after[:len(before)] == before
    assert [e["sequence"] for e in after] == list(range(after[0]["sequence"], after[0]["sequence"] + len(after)))


def test_a_walk_test_ticks_each_zone_off_and_raises_nothing(house):
    eventually(lambda: house.point("zone.door.state") == "normal", what="a closed door")
    walk = subprocess.Popen([binary("mdc-agent"), "gpio", "test", "--for", "120"], text=True, stdout=subprocess.PIPE,
                            env=dict(os.environ, **house.env))
    assert walk.stdout.readline() == "to see: door, leak\n"
    for name in ["DOOR1", "LEAK1"]:
        house.lines.set(name, 1)
        time.sleep(0.5)
        house.lines.set(name, 0)
    rest, _ = walk.communicate(timeout=60)
    assert walk.returncode == 0 and "every zone was seen" in rest, rest
    assert not [e for e in house.events() if e["kind"] == "alarm.raised" and e["subject"].startswith("zone.")]


def test_make_believe_lines_are_listed_and_followed(house):
    listed = house.command("gpio", "list", "--json")
    assert listed.returncode == 0, listed
    assert json.loads(listed.stdout)["simulated"]["lines"] == [
        {"name": "DOOR1", "zone": "door"}, {"name": "LEAK1", "zone": "leak"}]
    watch = subprocess.Popen([binary("mdc-agent"), "gpio", "watch", "--count", "2", "--for", "60", "--json"], text=True,
                             stdout=subprocess.PIPE, env=dict(os.environ, **house.env))
    level = 0
    while watch.poll() is None:  # until it has begun and has seen two
        level = 1 - level
        house.lines.set("DOOR1", level)
        time.sleep(0.5)
    seen = [json.loads(line) for line in watch.stdout.read().splitlines()]
    assert watch.returncode == 0 and len(seen) == 2, seen
    assert {edge["line"] for edge in seen} == {"DOOR1"} and {edge["level"] for edge in seen} == {"high", "low"}, seen
    assert all(edge["clock"] == "monotonic" and edge["nanoseconds"] > 0 for edge in seen), seen


def test_a_site_file_that_is_refused_is_said_not_passed_over(house):
    bad = house.folder / "bad.yaml"
    bad.write_text("site: t\nsecurity:\n  zones:\n    a: {kind: lake, line: X}\n")
    listed = house.command("gpio", "list", "--site", str(bad))
    assert f"{bad}:4:15: found 'lake'" in listed.stderr, listed
    missing = house.command("gpio", "list", "--site", str(house.folder / "none.yaml"))
    assert "none.yaml" in missing.stderr, missing


def test_a_machine_without_chips_says_so():
    found = subprocess.run([binary("mdc-agent"), "gpio", "list", "--json"], capture_output=True, text=True)
    if json.loads(found.stdout)["chips"]:
        pytest.skip("this machine has GPIO chips")
    assert found.returncode == 66
