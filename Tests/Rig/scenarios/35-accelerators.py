"""A card in the kernel's hands: error counters, a hwmon alarm, pulled out and put back."""

from rig.container import evidence


def run(container):
    machine = container.machine
    for card in ["card1", "card2"]:
        container.wait_point(f"{card}.health", "ok")
    temperature = container.wait_point("card2.temperature", lambda value: isinstance(value, (int, float)))

    # Error reporting, from outside (what QEMU can) and inside (what the kernel's own injector can).
    since = container.last_event()
    machine.check("setpci -s 01:00.0 CAP_EXP+8.w=000f:000f && modprobe aer_inject")
    errors = container.point("card1.pcie.errors.correctable")
    container.guest("aer.py", "01:00.0", "correctable")
    container.wait_point("card1.pcie.errors.correctable", lambda value: value > errors)
    # While it is loaded it answers for the registers of a card that it has injected into.
    machine.check("modprobe -r aer_inject")
    machine.human("pcie_aer_inject_error card COMP_TIME")
    container.wait_point("card1.pcie.errors.nonfatal", lambda value: value > 0)
    # What is said is the gravest of it: this card's driver knows no recovery, and the kernel says so too.
    told = container.wait_event(
        since, "accelerator.changed", "card1", lambda e: "uncorrected" in e["text"] or "did not recover" in e["text"])
    # The kernel's own words, which to open takes a capability here that the agent has not.
    assert machine.check("cat /proc/sys/kernel/dmesg_restrict").strip() == "1"
    capabilities = machine.check(f"grep CapEff /proc/{container.property('MainPID')}/status").split()[1]
    assert int(capabilities, 16) == 0, capabilities
    heard = container.wait_event(since, "kernel.message", "card1", lambda e: "AER" in evidence(e, "kernel-log"))

    # The sensor's alarm, raised from outside the machine.
    machine.command("qom-set", path="/machine/peripheral/sensors", property="smart_critical_warning", value=2)
    container.wait_point("card2.temperature.alarm", "alarm")
    container.wait_point("card2.health", "degraded")
    machine.command("qom-set", path="/machine/peripheral/sensors", property="smart_critical_warning", value=0)
    container.wait_point("card2.health", "ok")

    # Pulled and put back: the kernel's own word for it, not the next look.
    since = container.last_event()
    machine.unplug("card")
    container.wait_point("card1.health", "absent", timeout=30)
    gone = container.wait_event(since, "accelerator.changed", "card1")
    machine.plug_card()
    container.wait_point("card1.health", lambda value: value != "absent" and value != "failed", timeout=30)
    return f"{temperature} C; {told['text']}; {heard['text']}; {gone['text']}; and back"
