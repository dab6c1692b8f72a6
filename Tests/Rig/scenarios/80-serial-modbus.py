"""A meter on the serial line, its slave outside the machine: read, lost, and read again."""
import math
import time

from rig.container import Container
from rig.slave import Slave


def run(container):
    with Slave(container.machine.modbus_wire()) as slave:
        slave.set_float(0, 231.5)
        wait(container, lambda p: p["quality"] == "good" and math.isclose(p["value"], 231.5, abs_tol=0.01))
        slave.set_float(0, 198.25)
        wait(container, lambda p: p["quality"] == "good" and math.isclose(p["value"], 198.25, abs_tol=0.01))
        slave.is_mute = True
        wait(container, lambda p: p["quality"] == "failed")
        slave.is_mute = False
        wait(container, lambda p: p["quality"] == "good", timeout=60)
        return f"{slave.answered} requests answered over 9600 8N1"


def wait(container, holds, timeout=30):
    ends = time.monotonic() + Container.patience(timeout)
    while True:
        point = container.points("meter.voltage")["meter.voltage"]
        if holds(point):
            return
        assert time.monotonic() < ends, f"meter.voltage reads {point}"
        time.sleep(0.3)
