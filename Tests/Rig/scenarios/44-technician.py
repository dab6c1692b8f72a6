"""The technician's commands on a real chip: lines and who holds them, edges with the kernel's time, a walk test."""
import json

from rig.container import PULLS


def run(container):
    machine = container.machine
    chip = next(c for c in json.loads(machine.check("mdc-agent gpio list --json"))["chips"]
                if c["label"] == "mdc-security")
    door = next(line for line in chip["lines"] if line["name"] == "DOOR1")
    assert door["consumer"] == "mdc-agent" and door["zone"] == "front-door", door

    # Beside the running agent: a line that it does not hold.
    machine.check("systemd-run -q --unit=rig-hand sh -c 'while :; do echo pull-up > /run/gpio-sim/sim_gpio23/pull; "
                  "sleep 0.5; echo pull-down > /run/gpio-sim/sim_gpio23/pull; sleep 0.5; done'")
    said = machine.check("mdc-agent gpio watch mdc-security:23 --count 4 --json", 30).splitlines()
    machine.check("systemctl stop rig-hand.service")
    edges = [edge for edge in map(json.loads, said) if edge.get("edge")]
    levels = [edge["level"] for edge in edges]
    assert levels in (["high", "low"] * 2, ["low", "high"] * 2), said
    assert all(edge["clock"] == "monotonic" and edge["nanoseconds"] > 0 for edge in edges), edges
    held = machine.run("mdc-agent gpio watch DOOR1 --for 1")
    assert "mdc-agent" in held.text and held.status == 1, f"a held line is shown as held: {held}"

    # The walk: each sensor is set off once, and nothing of it is an alarm.
    since = container.last_event()
    machine.check("systemd-run -q --unit=rig-walk -p StandardOutput=truncate:/run/rig-walk mdc-agent gpio test --for 300")
    machine.wait_until("grep -q 'to see' /run/rig-walk")
    for line in [*PULLS.values(), 20, 21]:
        if line == PULLS["TAMPER2"]:
            continue
        container.pull(line, up=True)
        if line == PULLS["TAMPER1"]:
            container.pull("TAMPER2", up=False)
        name = {5: "tamper", 20: "storm", 21: "measured"}.get(line)
        machine.wait_until(f"[ $(grep -c '^seen' /run/rig-walk) -ge {seen_so_far(line)} ]", 15)
        container.pull(line, up=False)
        if line == PULLS["TAMPER1"]:
            container.pull("TAMPER2", up=True)
        assert name is None or name in machine.check("cat /run/rig-walk")
    machine.wait_until("grep -q 'every zone was seen' /run/rig-walk", 30)
    alarms = [e["text"] for e in container.events(since, "alarm.raised") if e["subject"].startswith("zone.")]
    assert not alarms, alarms
    return machine.check("tail -2 /run/rig-walk").strip().replace("\n", "; ")


def seen_so_far(line):
    """How many zones the walk has set off when this line has moved."""
    return [0, 1, 2, 3, 4, 5, 7, 20, 21].index(line) + 1
