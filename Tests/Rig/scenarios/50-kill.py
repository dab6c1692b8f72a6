"""kill -9: restarted, no event lost, no false alarm, and what moved meanwhile is seen."""
from rig.container import evidence


def run(container):
    # Settled before the count: nothing of an earlier scenario may still be moving.
    container.everything_normal()
    alarms = container.alarms()
    before = container.last_event()
    restarts = container.restarts()
    container.pull("DOOR1", up=True)
    container.wait_event(before, "zone.changed", "zone.front-door")
    seen = container.last_event()
    container.machine.check("kill -9 $(systemctl show -P MainPID mdc-agent.service); "
                            "echo pull-up > /run/gpio-sim/sim_gpio1/pull")
    container.machine.wait_until(f"test $(systemctl show -P NRestarts mdc-agent.service) -gt {restarts} && "
                                 "systemctl is-active -q mdc-agent.service", 30)
    container.wait_zone("rear-door", "alarm")
    journal = container.journal()
    assert journal["last"] >= seen, f"lost what had been told: {journal}, told {seen}"
    found = container.wait_event(seen, "zone.changed", "zone.rear-door", lambda e: evidence(e, "state") == "alarm")
    fresh = {a for a in container.alarms() - alarms if not a.startswith("zone.")}
    raised = [e["text"] for e in container.events(seen, "alarm.raised") if e["subject"].startswith("zone.")]
    container.everything_normal()
    assert not raised, f"false alarms: {raised}"
    container.wait_zone("rear-door", "normal")
    return f"events {journal['first']} to {journal['last']} without a gap; {found['text']}" + \
        (f"; other alarms of the start: {sorted(fresh)}" if fresh else "")
