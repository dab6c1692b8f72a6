"""latency.py LINE COUNT GAP_MS: how long an edge takes to be on the disk, by the kernel's own trace of the agent's
three threads: nobody polls, nothing in the agent is changed. The trace itself is part of what is measured."""
import bisect
import itertools
import json
import pathlib
import re
import sqlite3
import subprocess
import sys
import time

from lines import Line

TRACING = pathlib.Path("/sys/kernel/tracing")
JOURNAL = "file:/var/lib/mdc-agent/journal.sqlite?mode=ro"
WRITE, PWRITE, FDATASYNC, WAITS = 1, 18, 75, (7, 23, 232, 271, 281)
LINE = re.compile(r"-(\d+)\s+\[\d+\].*?\s(\d+)\.(\d+): sys_(enter|exit)(?:: NR |\(NR )(\d+)")


def tell(name, text):
    (TRACING / name).write_text(text)


class Threads:
    def __init__(self):
        main = int(subprocess.check_output(["systemctl", "show", "-P", "MainPID", "mdc-agent.service"]))
        self.control = main
        for task in pathlib.Path(f"/proc/{main}/task").iterdir():
            name = (task / "comm").read_text().strip()
            if name in ("security", "journal"):
                setattr(self, name, int(task.name))

    @property
    def all(self):
        return [self.control, self.security, self.journal]


def trace(threads, act):
    if not (TRACING / "trace").exists():
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACING], check=True)
    tell("buffer_size_kb", "8192")
    tell("trace_clock", "mono")
    tell("set_event_pid", "\n".join(map(str, threads.all)))
    tell("trace", "")
    for event in ("sys_enter", "sys_exit"):
        tell(f"events/raw_syscalls/{event}/enable", "1")
    act()
    tell("events/raw_syscalls/enable", "0")
    calls = []
    for line in (TRACING / "trace").read_text().splitlines():
        if found := LINE.search(line):
            thread, seconds, micros, edge, number = found.groups()
            calls.append((int(seconds) * 1_000_000_000 + int(micros) * 1000, int(thread), edge, int(number)))
    return sorted(calls)


def first(calls, after, thread, edge, numbers):
    return next((at for at, who, what, number in itertools.islice(calls, bisect.bisect(calls, (after,)), None)
                 if who == thread and what == edge and number in numbers), None)


def shares(values):
    values = sorted(values)
    return {"p50": round(values[len(values) // 2] / 1e6, 2), "p99": round(values[-(-len(values) * 99 // 100) - 1] / 1e6, 2),
            "max": round(values[-1] / 1e6, 2)}


def main():
    line, count, gap = Line(int(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3]) / 1000
    threads = Threads()
    database = sqlite3.connect(JOURNAL, uri=True, isolation_level=None)
    newest = database.execute("SELECT max(sequence) FROM events").fetchone()[0] or 0
    moved = []

    def move():
        for _ in range(count):
            time.sleep(gap)
            moved.append(time.monotonic_ns())
            line.toggle()
        time.sleep(1)

    calls = trace(threads, move)
    stamps = [row[0] for row in database.execute(
        "SELECT boot FROM events WHERE sequence > ? AND subject = 'zone.measured' AND kind = 'zone.changed' "
        "ORDER BY sequence", (newest,))]
    steps = [("wake", threads.security, "exit", WAITS), ("judge", threads.security, "enter", (WRITE,)),
             ("wake control", threads.control, "exit", WAITS), ("decide", threads.control, "enter", (WRITE,)),
             ("wake journal", threads.journal, "exit", WAITS), ("write", threads.journal, "enter", (PWRITE,)),
             ("disk", threads.journal, "exit", (FDATASYNC,))]
    taken, whole, own = {name: [] for name, *_ in steps}, [], []
    whole_at = []
    for started in moved:
        # What runs for the first time the emulator has to translate first: a second of that is not the agent's.
        if started - moved[0] < 1e9:
            continue
        # A vCPU that the host left waiting runs two edges together: what has no stamp of its own is left out.
        stamp = next((stamp for stamp in stamps if 0 <= stamp - started < 1e9 * gap), None)
        if stamp is None:
            continue
        found = [stamp - 1000]  # the trace's clock shows microseconds
        for _, thread, edge, numbers in steps:
            at = first(calls, found[-1], thread, edge, numbers)
            if at is None:
                break
            found.append(at)
        if len(found) <= len(steps):
            continue
        for index, (name, *_) in enumerate(steps):
            taken[name].append(found[index + 1] - found[index])
        own.append(found[-2] - stamp)
        whole.append(found[-1] - started)
        whole_at.append((started - moved[0]) / 1e9)
    if len(whole) < count / 2:
        return {"error": f"{len(stamps)} events and {len(calls)} traced calls for {count} edges"}
    stages = ", ".join(f"{name} {sorted(values)[len(values) // 2] / 1e6:.2f}" for name, values in taken.items())
    slowest = "; ".join(
        f"{whole[i] / 1e6:.1f} ms at {whole_at[i]:.1f} s ("
        + ", ".join(f"{name} {values[i] / 1e6:.1f}" for name, values in taken.items() if values[i] > 3e6) + ")"
        for i in sorted(range(len(whole)), key=whole.__getitem__)[-5:])
    return {"edges": len(whole), "slowest": slowest, "whole": shares(whole), "own": shares(own), "disk": shares(taken["disk"]),
            "stages": stages + " ms"}


print(json.dumps(main()))
