"""Power cut while events are being written: the journal is whole and holds all that was told."""
import time


def run(container):
    container.machine.check("nohup python3 /rig/guest/edges.py flap 21 60 > /dev/null 2>&1 &")
    # Told: read from the agent, so it must be in the journal before the power goes.
    told = container.last_event()
    ends = container.budget.deadline(30)
    while container.last_event() < told + 20:
        assert time.monotonic() < ends, "the flapping line gives no events"
    told = container.last_event()
    container.cut_power()
    container.everything_normal()
    container.wait_ready()
    journal = container.journal()
    assert journal["last"] >= told, f"told {told}, kept {journal['last']}"
    container.wait_zone("smoke", "normal")
    return f"told {told}, kept {journal['last']}, integrity {journal['check']}"
