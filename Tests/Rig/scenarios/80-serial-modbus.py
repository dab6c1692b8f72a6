"""A meter on the serial line, its slave outside the machine: read, lost, and read again."""
import math

from rig.slave import Slave


def run(container):
    def reads(wanted):
        container.wait_point("meter.voltage", lambda value: isinstance(value, (int, float))
                             and math.isclose(value, wanted, abs_tol=0.01), timeout=60)

    with Slave(container.machine.modbus_wire()) as slave:
        slave.set_float(0, 231.5)
        reads(231.5)
        slave.set_float(0, 198.25)
        reads(198.25)
        slave.is_mute = True
        container.wait_point("meter.voltage", "failed", timeout=30)
        slave.is_mute = False
        reads(198.25)
        return f"{slave.answered} requests answered over 9600 8N1"
