"""The clock is set a day forward, then two days back: the record says so, and nothing else happens. Of a leap second
there is nothing to say."""
from rig.container import evidence

DAY = 86_400


def run(container):
    container.everything_normal()
    container.wait_zone("front-door", "normal")
    alarms, restarts, first = container.alarms(), container.restarts(), container.last_event()
    told = [set_clock(container, jump) for jump in (DAY, -2 * DAY, DAY)]
    # Ten seconds before tomorrow's end.
    to_midnight = 2 * DAY - int(container.machine.check("date -u +%s")) % DAY - 10
    set_clock(container, to_midnight, look=False)
    since = container.last_event()
    leap = container.guest("leap.py", timeout=40)
    assert leap["stood_back"] == 1.0, leap
    a_door_is_seen(container, since)
    assert not [event for event in container.events(since) if event["kind"] == "clock.jumped"]
    set_clock(container, -to_midnight)
    assert container.restarts() == restarts, "the clock restarted the agent"
    fresh = {alarm for alarm in container.alarms() - alarms if not alarm.startswith("zone.")}
    assert not fresh, f"the clock raised alarms: {fresh}"
    numbers = [event["sequence"] for event in container.events(first)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"out of order: {numbers}"
    container.journal()
    return "; ".join(told)


def set_clock(container, jump, look=True):
    since = container.last_event()
    container.machine.check(f"date -s @$(($(date +%s) + {jump}))")
    said = container.wait_event(since, "clock.jumped", "clock")
    assert abs(int(evidence(said, "seconds")) - jump) < 60, said
    if look:
        a_door_is_seen(container, since)
    return said["text"]


def a_door_is_seen(container, since):
    """Whatever time it is: a door that moves is seen, its readings are fresh, and it closes again."""
    container.pull("DOOR1", up=True)
    container.wait_event(since, "zone.changed", "zone.front-door", lambda e: evidence(e, "state") == "alarm")
    container.wait_zone("front-door", "alarm")
    container.pull("DOOR1", up=False)
    container.wait_zone("front-door", "normal")
    container.wait_point("card2.temperature", lambda value: isinstance(value, (int, float)))
