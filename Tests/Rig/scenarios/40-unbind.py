"""The chip is taken away and given back: a fault meanwhile, never closed, and edges are seen again."""


def run(container):
    since = container.last_event()
    container.machine.check("rig-gpio down")
    for zone in ["front-door", "smoke", "tamper"]:
        container.wait_zone(zone, "failed")
    container.wait_event(since, "alarm.raised", "zone.smoke")
    assert "zone.smoke.fire" not in container.alarms(), "a missing chip is no fire"
    container.machine.check("rig-gpio")
    container.everything_normal()
    for zone in ["front-door", "smoke", "tamper"]:
        container.wait_zone(zone, "normal")
    container.wait_event(since, "alarm.cleared", "zone.smoke")
    container.pull("LEAK1", up=True)
    container.wait_event(since, "alarm.raised", "zone.leak")
    container.pull("LEAK1", up=False)
    container.wait_zone("leak", "normal")
    return "all zones failed while it was away, and live again after"
