"""A door's edge becomes a durable event with the kernel's time, and a point."""
from rig.container import evidence


def run(container):
    since = container.last_event()
    container.pull("DOOR1", up=True)
    event = container.wait_event(since, "zone.changed", "zone.front-door")
    assert evidence(event, "line") == "DOOR1" and evidence(event, "level") == "high", event
    assert int(evidence(event, "monotonic-ns")) > 0, event
    container.wait_zone("front-door", "alarm")
    container.pull("DOOR1", up=False)
    container.wait_event(since, "zone.changed", "zone.front-door", lambda e: evidence(e, "state") == "normal")
    return event["text"]
