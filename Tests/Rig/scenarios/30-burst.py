"""10,001 edges while nobody reads: the loss is known and the state true afterwards."""
from rig.container import evidence


def run(container):
    since = container.last_event()
    main = container.property("MainPID")
    container.machine.check(f"kill -STOP {main}")
    burst = container.guest("edges.py", "burst", 20, 10_001)
    container.machine.check(f"kill -CONT {main}")
    event = container.wait_event(since, "security.edges-lost", "security")
    lost = int(evidence(event, "lost"))
    # The queue holds 1,024, and edges that the kernel itself ran together never came to it.
    assert 10_001 - 1024 - 1 <= lost <= 10_001, f"{lost} lost"
    assert burst["high"]
    container.wait_zone("storm", "alarm")
    # The zone that stormed is quieted, says so, and is heard again after its rest.
    quieted = container.wait_event(since, "zone.changed", "zone.storm", lambda e: evidence(e, "quieted") == "true")
    told = container.events(since, "zone.changed", "zone.storm")
    assert len(told) < 10, f"{len(told)} events of one storm"
    container.pull(20, up=False)
    container.wait_event(since, "zone.changed", "zone.storm", lambda e: evidence(e, "quieted") == "false", timeout=25)
    container.wait_zone("storm", "normal")
    return f"{10_001 / burst['seconds']:.0f} edges/s, {lost} known lost; {quieted['text']}"
