"""Moves a line: edges.py burst LINE COUNT (as fast as the kernel takes it) | flap LINE SECONDS. LINE is the
offset on the virtual container's chip."""
import json
import sys
import time

from lines import Line


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


what, line = sys.argv[1], Line(int(sys.argv[2]))
if what == "burst":
    burst(line, int(sys.argv[3]))
else:
    flap(line, float(sys.argv[3]))
