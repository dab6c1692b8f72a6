"""The journal in a technician's hands: read, followed, filtered, verified; and on disks that are full or read-only."""
import json
import signal
import sqlite3
import subprocess

import pytest

from conftest import binary, eventually
from test_security import House


@pytest.fixture
def house(processes, tmp_path):
    return House(processes, tmp_path)


def toggle(house, times=1):
    """A leak comes and goes, and is in the journal each time."""
    for _ in range(times):
        house.lines.set("LEAK1", 1)
        eventually(lambda: "zone.leak.leak" in house.alarms(), what="a leak")
        house.lines.set("LEAK1", 0)
        eventually(lambda: "zone.leak.leak" not in house.alarms(), what="its end")


def note(house):
    """Two events that no alarm comes with: the fifth leak in ten minutes would be kept as one that chatters."""
    assert house.command("arm", "stay").returncode == 0 and house.command("disarm").returncode == 0


def listed(house, *words):
    answer = house.command("events", "--json", *words)
    assert answer.returncode == 0, answer
    return json.loads(answer.stdout)["events"]


def stop(house):
    house.agent.send_signal(signal.SIGTERM)
    assert house.agent.wait(20) == 0


def test_events_are_filtered_with_and_without_an_agent(house):
    toggle(house)
    for _ in ("running", "stopped"):
        everything = listed(house)
        assert [e["sequence"] for e in everything] == list(range(1, len(everything) + 1))
        assert [e["kind"] for e in listed(house, "--kind", "alarm.raised")] == ["alarm.raised"]
        assert all(e["severity"] in ("major", "critical") for e in listed(house, "--severity", "major"))
        assert {e["subject"] for e in listed(house, "--subject", "zone.leak")} == {"zone.leak"}
        assert [e["sequence"] for e in listed(house, "--since", "2", "--limit", "2")] == [3, 4]
        assert listed(house, "--since", "1h") == everything
        assert listed(house, "--since", "2100-01-01T00:00:00Z") == []
        assert listed(house, "--limit", "1")[0]["sequence"] == everything[-1]["sequence"]
        if house.agent.poll() is None:
            stop(house)


@pytest.mark.parametrize(
    "words, said",
    [
        (["--since", "yesterday"], "expected an event's number, a time such as"),
        (["--severity", "bad"], "expected one of info, notice, warning, major, critical"),
        (["--kind", "alarm"], "expected one of agent.started"),
        (["--limit", "0"], "expected 1 to"),
        (["--limit"], "needs a value"),
    ],
)
def test_what_makes_no_sense_is_usage(tmp_path, words, said):
    answer = subprocess.run(
        [binary("mdc-agent"), "events", "--journal", tmp_path, *words], capture_output=True, text=True, timeout=20)
    assert answer.returncode == 64 and said in answer.stderr, answer


def test_following_shows_what_happens_from_now_on(house, processes):
    toggle(house)
    follower = processes.start(
        binary("mdc-agent"), "events", "--follow", "--json", "--kind", "alarm.raised", "--since",
        str(listed(house)[-1]["sequence"]), env=house.env)
    toggle(house, 2)
    lines = eventually(lambda: (found := open(follower.log).read().splitlines()) and len(found) == 2 and found, what="two events")
    assert [json.loads(line)["subject"] for line in lines] == ["zone.leak", "zone.leak"]
    follower.send_signal(signal.SIGINT)
    follower.wait(10)


def test_what_points_read_is_told_by_name_by_pattern_and_around_a_critical_event(house):
    assert house.command("arm", "away").returncode == 0
    house.lines.set("DOOR1", 1)
    eventually(lambda: "zone.door.intrusion" in house.alarms(), what="an intrusion")
    stop(house)
    changes = json.loads(house.command("history", "zone.door.state", "--json").stdout)
    assert changes["complete"] and {c["name"] for c in changes["changes"]} == {"zone.door.state"}
    assert [c["quality"] for c in changes["changes"]][-1] == "good" and changes["changes"][-1]["value"] == 1
    text = house.command("history", "zone.door.*")
    assert text.returncode == 0 and "zone.door.state\talarm" in text.stdout, text
    boxes = json.loads(house.command("history", "--json").stdout)["events"]
    critical = [e for e in listed(house, "--severity", "critical") if e["kind"] == "alarm.raised"][0]
    assert critical["sequence"] in [box["sequence"] for box in boxes]
    around = house.command("history", "--around", str(critical["sequence"]))
    assert "zone.door.state\talarm" in around.stdout and "zone.leak.state" in around.stdout, around
    minutes = house.command("history", "zone.*", "--minutes", "--json")
    assert minutes.returncode == 0 and "minutes" in json.loads(minutes.stdout)
    for words, code, said in [
        (["nothing.at.all"], 66, "knows no point 'nothing.at.all'"), (["--around", "999"], 66, "nothing is kept around event 999"),
        (["x", "--since", "soon"], 64, "expected a time such as"), (["x", "--limit", "0"], 64, "expected 1 to"),
        (["x", "--since", "1min", "--until", "1h"], 64, "--until lies before --since"),
        (["x", "--journal", str(house.folder / "nowhere")], 66, "there is no history in"),
    ]:
        answer = house.command("history", *words)
        assert answer.returncode == code and said in answer.stderr, (words, answer)


def test_a_change_a_gap_and_a_cut_end_are_found(house):
    toggle(house, 3)
    stop(house)
    state = house.folder / "state"
    whole = house.command("events", "--verify")
    assert whole.returncode == 0 and whole.stdout.startswith("whole "), whole
    last = json.loads(house.command("events", "--verify", "--json").stdout)["last"]

    def tampered(sql):
        copy = house.folder / f"copy-{abs(hash(sql))}"
        copy.mkdir()
        for name in ("journal.sqlite", "journal.head"):
            (copy / name).write_bytes((state / name).read_bytes())
        with sqlite3.connect(copy / "journal.sqlite") as database:
            database.executescript(sql)
        database.close()
        answer = house.command("events", "--verify", "--journal", str(copy))
        return answer.returncode, answer.stdout + answer.stderr

    code, text = tampered("UPDATE events SET text='nothing' WHERE sequence=3")
    assert code == 2 and "event 3 or its place in the chain was changed" in text and "is not what was written" in text
    code, text = tampered("DELETE FROM events WHERE sequence=3")
    assert code == 2 and "events 3 to 3 are missing" in text
    code, text = tampered(f"DELETE FROM events WHERE sequence>{last - 2}; DELETE FROM checkpoints")
    assert code == 2 and f"the file ends at event {last - 2}, event {last} was written" in text
    nothing = house.command("events", "--verify", "--journal", str(house.folder / "nowhere"))
    assert nothing.returncode == 66


def test_checkpoints_are_signed_with_the_credential_and_checked_with_its_public_key(house, tmp_path):
    stop(house)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for name in ("journal-key", "other-key"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out", credentials / name], check=True)
        subprocess.run(
            ["openssl", "pkey", "-in", credentials / name, "-pubout", "-out", tmp_path / f"{name}.pem"], check=True)
    house.env["CREDENTIALS_DIRECTORY"] = str(credentials)
    house.start()
    toggle(house)
    stop(house)
    good = house.command("events", "--verify", "--key", str(tmp_path / "journal-key.pem"))
    assert good.returncode == 0 and "signed and true" in good.stdout, good
    false = house.command("events", "--verify", "--key", str(tmp_path / "other-key.pem"))
    assert false.returncode == 2 and "signature of the checkpoint" in false.stdout, false
    assert house.command("events", "--verify", "--key", str(tmp_path / "none.pem")).returncode == 66


class Disk:
    """A small disk of its own, where this machine lets us mount one."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip(f"no disk of its own: {made.stderr.strip()}")

    def fill(self):
        with open(self.folder / "filler", "ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass

    def empty(self):
        (self.folder / "filler").unlink()

    def remount(self, how):
        subprocess.run(["mount", "-o", f"remount,{how}", self.folder], check=True)

    def end(self):
        subprocess.run(["umount", "-l", self.folder], check=False)


@pytest.fixture
def disk(tmp_path):
    disk = Disk(tmp_path / "state")
    yield disk
    disk.end()


def journal(house):
    return json.loads(house.command("status", "--json").stdout)["journal"]


def test_a_full_disk_is_an_alarm_and_costs_no_event(disk, processes, tmp_path):
    house = House(processes, tmp_path)
    note(house)

    def is_failing():
        disk.fill()  # the agent gives back its reserve first
        note(house)
        return not journal(house)["durable"]

    eventually(is_failing, 60, "a journal that cannot write")
    assert "full" in journal(house)["error"]

    def is_alarmed():
        disk.fill()
        return "agent.storage" in house.alarms()

    eventually(is_alarmed, 60, "the alarm")
    note(house)
    # What only memory has is told like the rest.
    assert listed(house)[-1]["sequence"] == house.events()[-1]["sequence"]
    disk.empty()
    eventually(lambda: journal(house)["durable"], 90, "a journal that writes again")
    eventually(lambda: "agent.storage" not in house.alarms(), what="the alarm's end")
    stop(house)
    events = listed(house, "--since", "0")
    assert [e["sequence"] for e in events] == list(range(1, len(events) + 1))
    assert any("cannot be stored" in e["text"] for e in events) and any("works again" in e["text"] for e in events)
    assert house.command("events", "--verify").returncode == 0


@pytest.mark.parametrize("ending", ["stopped", "killed"])
def test_a_disk_that_can_only_be_read_hands_out_what_it_has(disk, processes, tmp_path, ending):
    house = House(processes, tmp_path)
    note(house)
    if ending == "stopped":
        stop(house)
    else:
        house.agent.kill()
        house.agent.wait()
    before = listed(house)
    disk.remount("ro")
    assert listed(house) == before
    assert house.command("events", "--verify").returncode == 0
    house.start()
    eventually(lambda: "agent.storage" in house.alarms(), what="the alarm")
    note(house)
    answered = house.events()
    assert [e["sequence"] for e in answered[: len(before)]] == [e["sequence"] for e in before]
    assert answered[-1]["sequence"] > before[-1]["sequence"]
    disk.remount("rw")
    eventually(lambda: journal(house)["durable"], 90, "a journal that writes again")
    stop(house)
    assert house.command("events", "--verify").returncode == 0
    assert listed(house, "--since", "0")[: len(before)] == before
