"""While no line moves, GPIO wakes nobody."""


def run(container):
    container.everything_normal()
    for zone in ["front-door", "smoke", "storm", "measured"]:
        container.wait_zone(zone, "normal", timeout=30)
    script = ("for t in /proc/$(systemctl show -P MainPID mdc-agent.service)/task/*; do "
              "if [ $(cat $t/comm) = security ]; then awk '/ctxt/ {n += $2} END {print n}' $t/status; fi; done")
    # Asked twice before: what the last edge caused is over.
    container.machine.wait_until(f"a=$({script}); sleep 1; [ $a = $({script}) ]")
    before = int(container.machine.check(script))
    container.machine.check("sleep 10", timeout=15)
    woken = int(container.machine.check(script)) - before
    assert woken == 0, f"the security thread ran {woken} times in 10 s"
    return "the security thread was not scheduled once in 10 s"
