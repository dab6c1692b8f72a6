"""What can go wrong with a container, one fault a test: its expected outcome is the sentence under its name.
After each of them the container must come back to normal by itself, with a whole record.

Faults that need a kernel of their own (GPIO chip gone, power cut, watchdog) are scenarios of the rig."""
import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from container import Container, hold


# ---- Machines

def test_every_machine_mute(container):
    """No value is invented: each reading turns bad, the machines that lie behind one wire are one alarm, and
    what cannot be judged any more counts as bad: inference stops."""
    assert container.point("climate-front.temperature")["quality"] == "good"
    container.tell("mute")
    container.eventually(lambda: container.point("climate-front.temperature")["quality"] != "good", "a bad reading")
    container.eventually(lambda: "online" not in container.units().values(), "no machine online")
    container.eventually(lambda: container.posture() == "stop", "the safe posture")
    status, said = container.infer()
    assert status == 503 and "cannot be judged" in said
    container.eventually(lambda: "bus-sensors.silent" in container.alarms(), "the wire's alarm")


def test_every_machine_lying(container):
    """Replies of foreign units, wrong functions, broken checksums: never a reading, always a counted reason."""
    before = container.point("meter-main.l1.voltage")["value"]
    for lie in ("foreign-unit", "wrong-function", "truncated", "garbage", "wrong-count"):
        container.tell(lie)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            point = container.point("meter-main.l1.voltage")
            assert point.get("value") is None or abs(point["value"] - before) < 20, (lie, point)
            time.sleep(0.2)
        container.tell("heal")
    container.eventually(lambda: container.point("meter-main.l1.voltage")["quality"] == "good", "a good reading again")


def test_one_machine_mute(container):
    """Its neighbours on other wires and behind the same gateway keep their readings."""
    container.tell("unit", "pdu-a", "mute")
    container.eventually(lambda: container.units()["pdu-a"] != "online", "the mute machine noticed")
    assert container.units()["pdu-b"] == "online" and container.units()["ups1"] == "online"
    assert container.posture() == "normal"


def test_all_field_equipment_gone_and_back(container):
    """Every connection and serial adapter vanishes at once and comes back: the agent lives through it."""
    pid = container.agent.pid
    container.kill(container.sim)
    container.eventually(lambda: "online" not in container.units().values(), "no machine online")
    container.start_sim()
    container.eventually(lambda: set(container.units().values()) == {"online"}, "all machines back")
    assert container.agent.pid == pid and container.agent.poll() is None


def test_mains_lost(container):
    """One alarm with its consequences under it, not forty."""
    container.tell("genset", "fail")
    container.tell("mains", "off")
    container.eventually(lambda: any("mains" in name for name in container.alarms()), "the mains alarm")
    assert container.command("alarms").returncode in (1, 2)
    assert "battery" in container.command("status").stdout or "mains" in container.command("status").stdout


# ---- Security and accelerators

def test_water_on_the_floor(container):
    """Inference refuses at once and says why; the order in the record is cause, alarm, posture."""
    since = container.last_event()
    container.tell("leak", "on")
    container.eventually(lambda: container.posture() in ("stop", "drain"), "a posture against water")
    status, said = container.infer()
    assert status == 503 and ("leak" in said.lower() or "water" in said.lower())
    kinds = [event["kind"] for event in container.events(since)]
    assert kinds.index("alarm.raised") < kinds.index("posture.changed")


def test_a_card_that_hangs_in_the_kernel(container):
    """Only that card is unresponsive, only its lane drains; the others are read as before."""
    container.tell("accel", "0", "hang")
    container.eventually(lambda: container.cards()["npu0"] == "failed", "the card failed")
    assert all(health == "ok" for name, health in container.cards().items() if name != "npu0")
    container.eventually(lambda: container.infer()[0] == 503, "its lane drained")


def test_a_card_that_is_pulled_out(container):
    """Absent, not unknown, and named with its slot."""
    container.tell("accel", "5", "gone")
    container.eventually(lambda: container.cards()["npu5"] == "absent", "the card absent")
    assert container.infer()[0] == 200


# ---- Storage

@pytest.fixture
def small_disk(tmp_path_factory):
    """A container whose journal lies on a disk of its own, that can be filled."""
    folder = tmp_path_factory.mktemp("disk")
    house = None
    (folder / "mount").mkdir()
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder / "mount"], capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        house = Container(folder / "house", state=folder / "mount")
        yield house, folder / "mount"
    finally:
        if house:
            house.end()
        subprocess.run(["umount", "-l", folder / "mount"], check=False)


def test_a_full_disk(small_disk):
    """The agent keeps watching and alarming from memory, says that it cannot write, and writes again by itself."""
    house, disk = small_disk
    house.calm()
    fill(disk)
    house.tell("leak", "on")
    house.eventually(lambda: house.posture() in ("stop", "drain"), "the posture, without a disk")

    def cannot_write():
        # Its reserve, and what its own files had room for, are taken too; and it has something to write.
        fill(disk)
        house.command("alarms", "shelve", "zone.leak.leak", "--for", "1h", "--reason", "the disk is full")
        return not house.status()["journal"]["durable"]

    house.eventually(cannot_write, "the journal says that it cannot write")
    house.command("alarms", "unshelve", "zone.leak.leak")
    house.tell("leak", "off")
    (disk / "filler").unlink()
    house.eventually(lambda: house.status()["journal"]["durable"], "the journal writes again")
    house.calm()
    kinds = [event["kind"] for event in house.events()]
    assert "alarm.raised" in kinds and "storage.changed" in kinds
    assert house.command("events", "--verify").returncode == 0


def fill(disk):
    with open(disk / "filler", "ab", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass


def test_a_corrupt_journal(container):
    """The bad file is set aside, a new one begins, and the agent says so."""
    container.kill(container.agent)
    journal = container.run / "state" / "journal.sqlite"
    journal.write_bytes(os.urandom(65536))
    for companion in ("-wal", "-shm"):
        journal.with_name(journal.name + companion).unlink(missing_ok=True)
    container.start_agent()
    container.eventually(lambda: list(journal.parent.glob("journal.sqlite.*")), "the file set aside")
    container.eventually(
        lambda: any(event["kind"].startswith(("journal", "storage")) for event in container.events()), "a word about it")


# ---- The planes and their neighbours

def test_a_lane_killed(container):
    """Its running requests get an honest 5xx, the lane is back by itself, the plane never restarts."""
    lanes = subprocess.run(["pgrep", "-P", str(container.inference.pid)], capture_output=True, text=True).stdout.split()
    assert lanes
    for lane in lanes:
        os.kill(int(lane), signal.SIGKILL)
    container.eventually(lambda: container.infer()[0] == 200, "the lane back")
    assert container.inference.poll() is None


def test_a_lane_hung(container):
    """A lane that stops answering is replaced; nobody waits for ever."""
    lanes = subprocess.run(["pgrep", "-P", str(container.inference.pid)], capture_output=True, text=True).stdout.split()
    for lane in lanes:
        os.kill(int(lane), signal.SIGSTOP)
    container.eventually(lambda: container.infer()[0] == 200, "another lane in its place")


def test_the_site_plane_frozen(container):
    """A posture page that nobody refreshes reads as the safe posture: inference does not run on old judgement."""
    with container.frozen(container.agent):
        container.eventually(lambda: container.infer()[0] == 503, "the safe posture")
    container.eventually(lambda: container.infer()[0] == 200, "served again")


def test_the_inference_plane_killed(container):
    """The site plane does not care, and says so."""
    container.kill(container.inference)
    container.eventually(lambda: not container.status()["inference"]["ready"], "the absence noticed")
    assert container.agent.poll() is None
    container.start_inference()


def is_reloaded(container, before):
    # Outside systemd the sockets are closed and made anew meanwhile.
    with contextlib.suppress(OSError):
        return any(event["kind"] == "configuration.changed" for event in container.events(before))


def test_the_inference_plane_frozen(container):
    """The site plane does not wait for it: a reload meanwhile is over at once."""
    with container.frozen(container.inference):
        container.eventually(lambda: not container.status()["inference"]["ready"], "the silence noticed")
        before = container.last_event()
        container.agent.send_signal(signal.SIGHUP)
        container.eventually(lambda: is_reloaded(container, before), "the reload over")
        assert container.posture() in ("normal", "drain")
    container.eventually(lambda: container.infer()[0] == 200, "served again")


def test_the_site_plane_reloaded_and_restarted(container):
    """What it judged a moment ago stands until it has judged again: no request is refused."""
    outcomes, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            outcomes.append(container.infer())
            time.sleep(0.01)

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        before = container.last_event()
        container.agent.send_signal(signal.SIGHUP)
        container.eventually(lambda: is_reloaded(container, before), "the reload over")
        container.kill(container.agent, signal.SIGTERM)
        container.start_agent()
        container.eventually(lambda: container.posture() == "normal", "judged again")
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert len(outcomes) > 20 and {status for status, _ in outcomes} == {200}, {str(o) for o in outcomes if o[0] != 200}


def test_both_planes_killed(container):
    """After the restart the record goes on where it ended, no event twice, none lost."""
    last = container.last_event()
    container.kill(container.agent)
    container.kill(container.inference)
    container.start_agent()
    container.start_inference()
    sequences = [event["sequence"] for event in container.events(max(0, last - 5))]
    assert sequences == sorted(set(sequences)) and sequences[-1] > last
    assert not container.alarms()


def test_a_broken_site_file_at_reload(container):
    """Refused with file and line, the old one stays."""
    good = container.site.read_text()
    container.site.write_text(good + "\nmodbuss: {}\n")
    container.agent.send_signal(signal.SIGHUP)
    container.eventually(
        lambda: any(event["kind"] == "configuration.refused" for event in container.events(container.last_event() - 5)),
        "the refusal in the record")
    container.site.write_text(good)
    assert container.posture() == "normal"


def test_a_broker_gone_and_forgetting(container):
    """Nothing waits for it; what happened meanwhile is delivered when it is back, although it has forgotten us."""
    if container.broker is None:
        pytest.skip("mosquitto is not installed")
    container.eventually(lambda: container.status()["upstream"]["connected"], "connected")
    container.kill(container.broker)
    container.eventually(lambda: not container.status()["upstream"]["connected"], "the loss noticed")
    container.tell("door", "open")
    container.tell("door", "close")
    container.start_broker()
    container.eventually(lambda: container.status()["upstream"]["connected"], "connected again")
    container.eventually(lambda: container.status()["upstream"]["behind"] == 0, "nothing left behind")


def test_a_broker_that_is_slow(container):
    """A broker that takes nothing delays no decision."""
    if container.broker is None:
        pytest.skip("mosquitto is not installed")
    with container.frozen(container.broker):
        container.tell("leak", "on")
        container.eventually(lambda: container.posture() in ("stop", "drain"), "the posture all the same")
        container.tell("leak", "off")


# ---- The machine it runs on

def test_no_descriptors_left(container):
    """Who comes waits or is turned away; who is served stays served; no loop runs hot; all is well afterwards."""
    pid = container.agent.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    held = []
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (container.descriptors(container.agent) + 2, limits[1]))
        for _ in range(20):
            client = socket.create_connection(("127.0.0.1", container.status_port), timeout=2)
            held.append(client)
        before = container.cpu_seconds(container.agent)
        time.sleep(3)
        assert container.cpu_seconds(container.agent) - before < 2, "a loop runs hot"
        assert container.agent.poll() is None
    finally:
        for client in held:
            client.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    container.eventually(lambda: container.posture() == "normal", "an answer")


def test_a_neighbour_that_takes_every_processor(container):
    """No false alarm, no restart, no stale posture."""
    hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(6)]
    try:
        hold(lambda: container.agent.poll() is None and container.infer()[0] == 200, 10)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    assert not container.alarms()


# ---- Hostile clients

def test_hostile_clients_on_every_socket(container):
    """Rubbish, half requests and hang-ups on each socket: each is closed or refused, nothing is leaked."""
    unix = [container.run / name for name in ("agent.sock", "inference.sock", "ring.sock")]
    before = {process.pid: container.descriptors(process) for process in (container.agent, container.inference)}
    rubbish = [os.urandom(4096), b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000, b"POST /v1/actions/disarm HTTP/1.1\r\n",
               b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", b"\0" * 100_000, b"", b"PRI * HTTP/2.0\r\n\r\n"]
    for _ in range(10):
        for said in rubbish:
            for address in (*unix, container.status_port, container.inference_port):
                family = socket.AF_INET if isinstance(address, int) else socket.AF_UNIX
                with socket.socket(family) as client:
                    client.settimeout(0.05)
                    client.connect(("127.0.0.1", address) if isinstance(address, int) else str(address))
                    try:
                        client.sendall(said)
                        answer = client.recv(200)
                        assert b"root:" not in answer
                    except OSError:
                        pass
    assert container.status()["arming"] == "disarmed"
    for process in (container.agent, container.inference):
        container.eventually(
            lambda: container.descriptors(process) <= before[process.pid] + 2, "every connection given back")
