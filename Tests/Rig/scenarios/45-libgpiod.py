"""The fallback: the same zones by libgpiod's own calls; 16 edges a line and no numbers, and the state true all the same."""
from rig.container import evidence


def run(container):
    site = container.site()
    container.use_site(site.replace("security:\n", "security:\n  source: libgpiod\n", 1))
    try:
        container.wait_zone("front-door", "normal")
        since = container.last_event()
        container.pull("DOOR1", up=True)
        event = container.wait_event(since, "zone.changed", "zone.front-door")
        assert evidence(event, "level") == "high" and int(evidence(event, "monotonic-ns")) > 0, event
        container.wait_zone("front-door", "alarm")
        container.pull("DOOR1", up=False)
        container.wait_zone("front-door", "normal")
        # More edges than it can queue, while nobody reads: the levels say what is so.
        main = container.property("MainPID")
        container.machine.check(f"kill -STOP {main}")
        container.guest("edges.py", "burst", 21, 1001)
        container.machine.check(f"kill -CONT {main}")
        container.wait_zone("measured", "alarm")
        container.pull(21, up=False)
        container.wait_zone("measured", "normal", timeout=30)
        # The chip goes and comes back.
        container.machine.check("rig-gpio down")
        container.wait_zone("front-door", "failed")
        container.machine.check("rig-gpio")
        container.everything_normal()
        container.wait_zone("front-door", "normal")
        held = container.machine.check("ls -l /proc/$(systemctl show -P MainPID mdc-agent.service)/fd | "
                                       "grep -c 'gpio-event\\|anon_inode:gpio'").strip()
    finally:
        container.use_site(site)
        container.wait_zone("front-door", "normal")
    return f"edges, levels, an overflow and a lost chip, by {held} descriptors of libgpiod 1.6"
