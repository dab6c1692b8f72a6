#!/usr/bin/env python3
"""A container that is left alone with its work for a while: nothing grows, nothing is missed, nothing drifts.

    Tests/Faults/soak.py 1800 [FOLDER]   for so many seconds; SIGTERM ends it sooner, and what there is is judged;
                                         FOLDER keeps the logs and each look (samples.jsonl)

Prints what it saw and ends with N passed, N failed. A run shorter than ten minutes says little about growth."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import statistics
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
    rates = [
        (part[-1]["requests"] - part[0]["requests"]) / (part[-1]["time"] - part[0]["time"]) if len(part) > 1 else 0
        for part in (first, last)]
    yield f"the rounds keep their pace: {rates[0]:.2f} requests/s, then {rates[1]:.2f}", abs(rates[1] - rates[0]) <= 0.02 * rates[0]
    missed, requests = samples[-1]["missed"] - samples[0]["missed"], samples[-1]["requests"] - samples[0]["requests"]
    # Beside other work of this machine a round may be late by more than itself; alone there is none.
    yield f"no round is missed: {missed} of {requests} requests' in {span:.0f} s", missed <= requests / 1000
    yield f"the loop judges at once: {samples[-1]['steps']:.0f} steps, the longest {samples[-1]['longest step ms']:.1f} ms", samples[-1]["longest step ms"] <= 20


def main():
    seconds = float(sys.argv[1])
    if seconds < SETTLED:
        sys.exit(f"at least {SETTLED} seconds, or there is nothing to judge")
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(tempfile.mkdtemp(prefix="mdc-soak-"))
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    container = Container(folder)
    failures = 0
    try:
        container.calm()
        begun = time.monotonic()
        samples = [look(container, begun)]
        while not stop and samples[-1]["time"] < seconds:
            work(container, len(samples))
            time.sleep(EVERY)
            samples.append(look(container, begun))
            with open(folder / "samples.jsonl", "a") as record:
                record.write(json.dumps(samples[-1]) + "\n")
        truths = list(judge(samples))
        container.is_whole()
    finally:
        container.end()
        if len(sys.argv) < 3:
            shutil.rmtree(folder, ignore_errors=True)
    for text, holds in truths:
        print(f"{'ok ' if holds else 'NOT'}  {text}")
        failures += not holds
    print(f"{len(truths) - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
