"""From power to READY, with no restart on the way and every zone read."""


def run(container):
    container.machine.check("sync")
    container.cut_power()
    container.wait_ready()
    assert container.restarts() == 0, f"{container.restarts()} restarts on the way"
    started = int(container.property("ExecMainStartTimestampMonotonic"))
    ready = int(container.property("ActiveEnterTimestampMonotonic"))
    for zone in ["front-door", "smoke", "leak", "tamper", "mains"]:
        container.wait_zone(zone, "normal")
    return f"READY {(ready - started) / 1000:.0f} ms after its start, {ready / 1e6:.1f} s after the kernel's"
