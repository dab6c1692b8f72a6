"""random_edges.py COUNT: random edges on 32 lines that the agent does not hold, in batches of random size as fast
as the kernel takes them; after each batch `mdc-agent gpio watch`, which reads lines as the agent does, must have
every line's true state."""
import fcntl
import json
import os
import random
import re
import subprocess
import sys
import time

from lines import Line

OFFSETS = range(24, 56)
SAID = re.compile(rb'"line":"mdc-security:(\d+)","level":"(\w+)"')
LOST = re.compile(rb'"lost":(\d+)')


class Watcher:
    def __init__(self):
        self.program = subprocess.Popen(
            ["mdc-agent", "gpio", "watch", "--json", *(f"mdc-security:{offset}" for offset in OFFSETS)],
            stdout=subprocess.PIPE, bufsize=0)
        self.pipe = self.program.stdout.fileno()
        fcntl.fcntl(self.pipe, 1031, 1 << 20)  # F_SETPIPE_SZ: it need not wait for us within a batch
        os.set_blocking(self.pipe, False)
        self.levels, self.lost, self.rest = {}, 0, b""

    def hear(self):
        try:
            heard = os.read(self.pipe, 1 << 20)
        except BlockingIOError:
            time.sleep(0.002)
            return
        if not heard:
            raise SystemExit(f"gpio watch ended: {self.program.wait()}")
        *lines, self.rest = (self.rest + heard).split(b"\n")
        for line in lines:
            if found := SAID.search(line):
                self.levels[int(found[1])] = found[2] == b"high"
            elif found := LOST.search(line):
                self.lost = int(found[1])

    def agrees(self, truth, seconds=20):
        """How many lines it has wrong when it has said nothing new for long."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            wrong = [offset for offset in OFFSETS if self.levels.get(offset) != truth[offset].is_high]
            if not wrong:
                return 0
            self.hear()
        return len(wrong)


seed = random.randrange(1 << 32)
random.seed(seed)
lines = {offset: Line(offset) for offset in OFFSETS}
watcher = Watcher()
missed = watcher.agrees(lines)
edges = batches = 0
spent = 0.0
wanted = int(sys.argv[1])
while edges < wanted and missed == 0:
    # Small ones and ones that no queue holds: 1,024 edges fit.
    count = min(wanted - edges, random.choice((1, 10, 100, 1000, 3000)))
    started = time.monotonic()
    for offset in random.choices(OFFSETS, k=count):
        lines[offset].toggle()
    spent += time.monotonic() - started
    edges += count
    batches += 1
    missed += watcher.agrees(lines)
watcher.program.terminate()
for line in lines.values():
    if line.is_high:
        line.toggle()
print(json.dumps({"edges": edges, "batches": batches, "compared": (batches + 1) * len(lines), "missed": missed,
                  "lost": watcher.lost, "rate": round(edges / spent), "seed": seed}))
