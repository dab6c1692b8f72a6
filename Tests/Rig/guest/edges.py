"""Moves lines as fast as the kernel takes it, or measures: edges.py burst LINE COUNT | flap LINE SECONDS |
latency LINE COUNT GAP_MS. LINE is the offset on the virtual container's chip."""
import json
import os
import sqlite3
import sys
import time

JOURNAL = "/var/lib/mdc-agent/journal.sqlite"


class Line:
    def __init__(self, offset):
        self.file = os.open(f"/run/gpio-sim/sim_gpio{offset}/pull", os.O_RDWR)
        self.is_high = os.read(self.file, 20).startswith(b"pull-up")

    def toggle(self):
        self.is_high = not self.is_high
        os.pwrite(self.file, b"pull-up" if self.is_high else b"pull-down", 0)


def burst(line, count):
    started = time.monotonic()
    for _ in range(count):
        line.toggle()
    print(json.dumps({"edges": count, "seconds": time.monotonic() - started, "high": line.is_high}))


def flap(line, seconds):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        line.toggle()
        time.sleep(0.1)  # five activations a second: no zone of the rig is quieted by that


def latency(line, count, gap):
    """From just before the edge until the event can be read from the journal by somebody else. The
    reading itself is part of what is measured: an upper bound."""
    database = sqlite3.connect(f"file:{JOURNAL}?mode=ro", uri=True, isolation_level=None)
    newest = "SELECT max(sequence) FROM events"
    taken = []
    for _ in range(count):
        before = database.execute(newest).fetchone()[0] or 0
        started = time.monotonic_ns()
        line.toggle()
        while (database.execute(newest).fetchone()[0] or 0) <= before:
            if time.monotonic_ns() - started > 5_000_000_000:
                print(json.dumps({"error": "an edge gave no event within 5 s", "after": len(taken)}))
                sys.exit(1)
        taken.append((time.monotonic_ns() - started) / 1e6)
        time.sleep(gap / 1000)
    taken.sort()

    def at(share):
        return round(taken[min(len(taken) - 1, int(len(taken) * share))], 2)

    print(json.dumps({"edges": count, "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": round(taken[-1], 2)}))


what, line = sys.argv[1], Line(int(sys.argv[2]))
if what == "burst":
    burst(line, int(sys.argv[3]))
elif what == "flap":
    flap(line, float(sys.argv[3]))
else:
    latency(line, int(sys.argv[3]), float(sys.argv[4]))
