#!/usr/bin/env python3
"""A container that is left alone with its work for a while: nothing grows, nothing is missed, nothing drifts.

    Tests/Faults/soak.py 1800 [FOLDER]   for so many seconds; SIGTERM ends it sooner, and what there is is judged;
                                         FOLDER keeps the logs and each look (samples.jsonl)
    Tests/Faults/soak.py 120 --faults    every fault at once, again and again: what the loop's longest step was

Prints what it saw and ends with N passed, N failed. A run shorter than ten minutes says little about growth."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from container import Container, get_json

EVERY = 5
# The first rounds fill caches and history pages; what comes after must be level.
SETTLED = 120


def thread_count(process):
    return len(os.listdir(f"/proc/{process.pid}/task"))


def metric(text, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name)


def look(container, begun):
    connection = http.client.HTTPConnection("127.0.0.1", container.status_port, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    stats = json.loads(container.command("modbus", "stats", "--json").stdout)["buses"]
    planes = {"agent": container.agent, "inference": container.inference}
    seen = {"time": time.monotonic() - begun}
    for name, process in planes.items():
        seen[f"{name} kB"] = container.resident_kilobytes(process)
        seen[f"{name} descriptors"] = container.descriptors(process)
        seen[f"{name} threads"] = thread_count(process)
    seen["requests"] = sum(bus["requests"] for bus in stats)
    seen["missed"] = sum(bus["missedCycles"] for bus in stats)
    seen["longest step ms"] = 1000 * metric(text, "mdc_control_longest_step_seconds")
    seen["steps"] = metric(text, "mdc_control_steps_total")
    return seen


def work(container, round):
    """What such a container does all day: it serves, it is polled, a door moves, a fan fails and is mended."""
    for _ in range(10):
        status, said = container.infer()
        assert status == 200, said
    get_json(container.run / "agent.sock", "/v1/points")
    if round % 6 == 0:
        container.tell("door", "open")
    if round % 6 == 3:
        container.tell("door", "close")


def harm(container, round):
    """Everything at once: mains lost, water, a door, mute and lying machines, a hung card, one pulled out, the broker
    gone, hostile clients and neighbours that take every processor; then half of it is mended, and it starts again."""
    if round % 4 == 3:
        container.tell("heal")
        if container.broker:
            container.start_broker()
        return
    for words in (("mains", "off"), ("leak", "on"), ("door", "open"), ("unit", "ups1", "mute"),
                  (("garbage", "mute", "wrong-count", "foreign-unit")[round % 4],), ("accel", "0", "hang"),
                  ("accel", "5", "gone")):
        container.tell(*words)
    if container.broker and container.broker.poll() is None:
        container.kill(container.broker)
    for address in (container.status_port, container.inference_port):
        for said in (os.urandom(4096), b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", address), 1) as client:
                client.sendall(said)
    for words in (("alarms", "ack", "--all"), ("points", "--json"), ("modbus", "scan", "tcp:127.0.0.1:1", "--json")):
        container.command(*words)


def own_kilobytes(container):
    """What both planes keep: without the pool, which is as large as the site file says, and without the lanes' own
    processes, which hold models and their runtime."""
    total = 0
    for process in (container.agent, container.inference):
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith(("RssAnon:", "RssFile:")))
    return total


def judge_faults(samples, container):
    worst = max(seen["longest step ms"] for seen in samples)
    yield f"every fault at once: the longest of {samples[-1]['steps']:.0f} steps took {worst:.1f} ms", worst < 20
    for name, process in (("agent", container.agent), ("inference", container.inference)):
        yield f"{name}: lives", process.poll() is None


def judge(samples):
    """Each truth with its figures and whether it holds."""
    settled = [seen for seen in samples if seen["time"] >= SETTLED]
    if len(settled) < 6:
        settled = samples
    third = max(1, len(settled) // 3)
    first, last = settled[:third], settled[-third:]
    span = samples[-1]["time"] - samples[0]["time"]
    for plane in ("agent", "inference"):
        before, after = (statistics.median(seen[f"{plane} kB"] for seen in part) for part in (first, last))
        yield f"{plane}: memory stays level: {before:.0f} kB, then {after:.0f} kB", after <= before * 1.02 + 256
        for what in ("descriptors", "threads"):
            before, after = (statistics.median(seen[f"{plane} {what}"] for seen in part) for part in (first, last))
            yield f"{plane}: {what} stay: {before:.0f}, then {after:.0f}", after <= before
    # Requests go by the clock: as many per second at the end as at the beginning.
    spans = [part[-1]["time"] - part[0]["time"] for part in (first, last)]
    rates = [
        (part[-1]["requests"] - part[0]["requests"]) / span if span else 0 for part, span in zip((first, last), spans)]
    # What is counted is told once a second: at each end a second's requests may be missing.
    slack = rates[0] * (0.02 + 2 / max(1, min(spans)))
    yield f"the rounds keep their pace: {rates[0]:.2f} requests/s, then {rates[1]:.2f}", abs(rates[1] - rates[0]) <= slack
    missed, requests = samples[-1]["missed"] - samples[0]["missed"], samples[-1]["requests"] - samples[0]["requests"]
    # Beside other work of this machine a round may be late by more than itself; alone there is none.
    yield f"no round is missed: {missed} of {requests} requests' in {span:.0f} s", missed <= requests / 1000
    yield f"the loop judges at once: {samples[-1]['steps']:.0f} steps, the longest {samples[-1]['longest step ms']:.1f} ms", samples[-1]["longest step ms"] <= 20


def main():
    with_faults = "--faults" in sys.argv
    words = [word for word in sys.argv[1:] if word != "--faults"]
    seconds = float(words[0])
    if seconds < SETTLED and not with_faults:
        sys.exit(f"at least {SETTLED} seconds, or there is nothing to judge")
    folder = pathlib.Path(words[1]) if len(words) > 1 else pathlib.Path(tempfile.mkdtemp(prefix="mdc-soak-"))
    stop, hogs = [], []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    container = Container(folder)
    failures = 0
    try:
        container.calm()
        print(f"both planes, without the pool and the lanes' processes: {own_kilobytes(container) / 1024:.1f} MB", flush=True)
        begun = time.monotonic()
        samples = [look(container, begun)]
        if with_faults:
            hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(4)]
        while not stop and samples[-1]["time"] < seconds:
            (harm if with_faults else work)(container, len(samples))
            time.sleep(EVERY)
            samples.append(look(container, begun))
            with open(folder / "samples.jsonl", "a") as record:
                record.write(json.dumps(samples[-1]) + "\n")
        truths = list(judge_faults(samples, container) if with_faults else judge(samples))
        container.is_whole()
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
        container.end()
        if len(words) < 2:
            shutil.rmtree(folder, ignore_errors=True)
    for text, holds in truths:
        print(f"{'ok ' if holds else 'NOT'}  {text}")
        failures += not holds
    print(f"{len(truths) - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
