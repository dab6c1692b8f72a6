"""How long things may take: every wait is stretched by how slow this machine was seen to be, and all of
them together end with the run's own limit."""
import os
import time


class RigFault(Exception):
    """The machine did not do what it was told; the scenario's answer is "failed"."""


class Budget:
    # From QEMU's start to the first shell on a quiet host of two cores. A machine that needs five times
    # as long for that may take five times as long for everything.
    QUIET_BOOT = 9.0
    # A wait costs nothing when all is well: it may be four times what a quiet machine needs.
    MARGIN = 4.0
    # No scenario takes a minute on a quiet machine; one that hangs must leave time for the others.
    QUIET_SCENARIO = 240.0

    def __init__(self, seconds=None):
        self.limit = seconds or float(os.environ.get("RIG_LIMIT", 12 * 60))
        self.ends = time.monotonic() + self.limit
        self.scenario_ends = self.ends
        self.slowness = 1.0

    def booted(self, seconds):
        """Measured anew at every boot: a host gets busy, and quiet again."""
        self.slowness = max(1.0, seconds / self.QUIET_BOOT)

    @property
    def scenario(self):
        return self.QUIET_SCENARIO * self.slowness

    def begin_scenario(self, seconds=None):
        self.scenario_ends = min(self.ends, time.monotonic() + (seconds or self.scenario))

    @property
    def left(self):
        return self.ends - time.monotonic()

    def deadline(self, seconds):
        """When to give up on what takes `seconds` at most on a quiet machine."""
        return min(time.monotonic() + seconds * self.MARGIN * self.slowness, self.scenario_ends)

    def why(self):
        """Which of the limits a wait ran into."""
        if time.monotonic() >= self.ends:
            return f"the run's limit of {self.limit:.0f} s is over"
        if time.monotonic() >= self.scenario_ends:
            return f"the scenario's limit of {self.scenario:.0f} s is over"
        return f"this machine was measured to be {self.slowness:.1f} times slower than a quiet one"
