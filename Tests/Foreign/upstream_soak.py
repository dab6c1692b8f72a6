#!/usr/bin/env python3
"""Long runs of the way upstream, which the tests do in small:

    upstream_soak.py kills [N]         kill -9 of agent or broker (nats-server with JetStream), N times (1000)
    upstream_soak.py outage [D] [P]    an outage of D days (7) of a container with P points (500)
"""
import json
import pathlib
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from bus import Broker, Container, Listener  # noqa: E402
from conftest import ROOT, Processes, eventually, get_json  # noqa: E402


def soak(processes, folder, kills, seed, share_of_broker=0.15, report=lambda text: None):
    """The truth is the journal's own file; the consumer has a lasting session, as one who must lose nothing."""
    chance = random.Random(seed)
    broker = Broker(processes, folder, "nats").start()
    listener = Listener(broker.port, "lasting", topics=("mdc/#",))
    container = Container(processes, folder, "testbed", [broker.port]).start()
    is_over = threading.Event()

    def happen():
        while not is_over.is_set():
            container.happen()
            time.sleep(0.005)

    busy = threading.Thread(target=happen, daemon=True)
    busy.start()
    begun, killed = time.monotonic(), {"agent": 0, "broker": 0}
    for number in range(kills):
        # From the middle of a start to the middle of work. nats-server lets the first client of a life wait for
        # up to four seconds, so now and then there is time for something to arrive.
        time.sleep(6 if chance.random() < 0.05 else chance.expovariate(1 / 0.35))
        assert container.agent.poll() is None, open(container.agent.log).read()[-2000:]
        if chance.random() < share_of_broker:
            broker.kill()
            time.sleep(chance.random() * 0.2)
            broker.start(wait=False)
            killed["broker"] += 1
        else:
            container.kill()
            container.start(wait=False)
            killed["agent"] += 1
        if number % 50 == 49:
            report(f"{number + 1} kills in {time.monotonic() - begun:.0f} s, {len(listener.known())} events heard")
    is_over.set()
    busy.join(10)
    eventually(container.has_told_all, seconds=180, what=lambda: f"all told: {container.upstream()}")
    truth = container.journal()
    try:
        # nats-server repeats what was under way only after its ack_wait of 30 s, behind newer messages.
        eventually(lambda: truth.items() <= listener.known().items(), seconds=120, what="every event")
    except AssertionError:
        pass
    heard = listener.events()
    known = listener.known()
    missing = sorted(number for id, number in truth.items() if id not in known)
    # An event has one id for ever, and an id one event: that is what makes repetitions removable.
    ambiguous = len({event["sequence"] for event in heard}) != len({event["id"] for event in heard})
    listener.close()
    return {
        "seed": seed, "kills": killed, "seconds": round(time.monotonic() - begun), "events": len(truth),
        "heard": len(heard), "repeated": len(heard) - len(known), "lost": len(missing), "missing": missing[:20],
        "ambiguous": ambiguous}


def writer():
    for folder in (ROOT / ".build" / "release", ROOT / ".build" / "debug"):
        if (folder / "journal-writer").exists():
            return folder / "journal-writer"
    import pytest

    pytest.skip("journal-writer is not built")


def outage(processes, folder, days, points, events, report=lambda text: None):
    """A container whose journal and history hold that many days that no broker heard, made in simulated time
    by the journal itself; then the broker is there, and everything must come."""
    folder = pathlib.Path(folder)
    broker = Broker(processes, folder)
    meters = points // 6 + 1
    units = "".join(f"        m{n}: {{profile: eastron-sdm120, unit: {n + 1}}}\n" for n in range(meters))
    extra = f"modbus:\n  buses:\n    away:\n      tcp: 127.0.0.1:1\n      units:\n{units}"
    container = Container(
        processes, folder, "testbed", [broker.port], extra,
        "  backfill: {points: [\"m*\"]}\n  publish: {values: 100s, metadata: 100s, heartbeat: 10s}\n")
    container.start()
    document = get_json(container.run / "agent.sock", "/v1/points")[1]
    names = [p["name"] for p in document["points"] if re.match(r"m\d+\.", p["name"]) and p.get("unit")][:points]
    assert len(names) == points, len(names)
    container.agent.terminate()
    container.agent.wait()
    state = folder / "testbed" / "state"
    for old in state.iterdir():
        old.unlink()
    end = int(time.time() // 60) * 60_000
    begun = time.monotonic()
    done = subprocess.run(
        [writer(), "days", state, str(int(days * 1440)), str(end), str(events)], input="\n".join(names), text=True,
        capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    first = end // 60_000 - int(days * 1440)
    (state / "backfill").write_text(f"{first}\n")
    size = {file.name: file.stat().st_size for file in state.iterdir()}
    report(f"{days} days of {points} points made in {time.monotonic() - begun:.0f} s: {size}")
    assert size["journal.sqlite"] <= 256 << 20 and size["history.sqlite"] <= (512 << 20) * 1.05, size
    with sqlite3.connect(f"file:{state}/history.sqlite?mode=ro", uri=True) as file:
        rows = file.execute("SELECT count(*) FROM minutes").fetchone()[0]
    broker.start()
    listener = Listener(broker.port, "lasting", topics=("mdc/#",))
    begun = time.monotonic()
    container.start()
    limit = 120 + days * points / 4
    eventually(container.has_told_all, seconds=limit, what="every event told")
    events_at = time.monotonic() - begun
    eventually(lambda: container.upstream().get("backfill_minutes") == 0, seconds=limit, what=lambda: f"the backfill {container.upstream()}")
    told_at = time.monotonic() - begun
    truth = container.journal()
    eventually(lambda: truth.items() <= listener.known().items(), what="every event")
    numbers = [event["sequence"] for event in listener.events()]
    assert numbers == sorted(set(numbers)), "events out of order"
    told = [json.loads(m["payload"]) for m in listener.on("mdc/v1/testbed/backfill")]
    minutes = [message["data"]["from"] // 60_000 for message in told]
    assert minutes == sorted(set(minutes)), "minutes out of order"
    values = sum(len(message["data"]["points"].keys() & set(names))
                 for message in told if message["data"]["from"] // 60_000 < end // 60_000)
    assert values == rows, (values, rows)
    # Alarms before measurements: no minute is told before the events that waited.
    with listener.lock:
        topics = [m["topic"].rsplit("/", 1)[1] for m in listener.messages if m["topic"].startswith("mdc/v1/testbed/")]
    assert "backfill" not in topics[: events - 1], topics.index("backfill")
    listener.close()
    return {
        "days": days, "points": points, "events": len(truth), "minute_values": values, "bytes": size,
        "events_told_s": round(events_at, 1), "all_told_s": round(told_at, 1)}


def main():
    with tempfile.TemporaryDirectory(prefix="mdc-soak-") as name:
        folder = pathlib.Path(name)
        processes = Processes(folder)
        say = lambda text: print(text, flush=True)  # noqa: E731
        try:
            if sys.argv[1:2] == ["kills"]:
                count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
                result = soak(processes, folder, count, time.time_ns() % 1_000_000, report=say)
                say(json.dumps(result))
                return 1 if result["lost"] or result["ambiguous"] else 0
            if sys.argv[1:2] == ["outage"]:
                days = float(sys.argv[2]) if len(sys.argv) > 2 else 7
                points = int(sys.argv[3]) if len(sys.argv) > 3 else 500
                say(json.dumps(outage(processes, folder, days, points, int(days * 1440), say)))
                return 0
        finally:
            processes.end()
    print(__doc__)
    return 64


if __name__ == "__main__":
    sys.exit(main())
