"""The clock is set a day forward, then two days back: the record says so, and nothing else happens."""
from rig.container import evidence

DAY = 86_400


def run(container):
    container.everything_normal()
    container.wait_zone("front-door", "normal")
    alarms, restarts, first = container.alarms(), container.restarts(), container.last_event()
    told = []
    for jump in (DAY, -2 * DAY, DAY):
        since = container.last_event()
        container.machine.check(f"date -s @$(($(date +%s) + {jump}))")
        said = container.wait_event(since, "clock.jumped", "clock")
        assert abs(int(evidence(said, "seconds")) - jump) < 60, said
        told.append(said["text"])
        # Whatever time it is: a door that moves is seen, its readings are fresh, and it closes again.
        container.pull("DOOR1", up=True)
        container.wait_event(since, "zone.changed", "zone.front-door", lambda e: evidence(e, "state") == "alarm")
        container.wait_zone("front-door", "alarm")
        container.pull("DOOR1", up=False)
        container.wait_zone("front-door", "normal")
        container.wait_point("card2.temperature", lambda value: isinstance(value, (int, float)))
    assert container.restarts() == restarts, "the clock restarted the agent"
    fresh = {alarm for alarm in container.alarms() - alarms if not alarm.startswith("zone.")}
    assert not fresh, f"the clock raised alarms: {fresh}"
    numbers = [event["sequence"] for event in container.events(first)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"out of order: {numbers}"
    container.journal()
    return "; ".join(told)
