"""A frozen agent is found by the watchdog and restarted."""


def run(container):
    restarts = container.restarts()
    main = container.property("MainPID")
    container.machine.check(f"kill -STOP {main}")
    container.machine.wait_until(f"test $(systemctl show -P NRestarts mdc-agent.service) -gt {restarts}",
                                 30)
    container.wait_ready()
    said = container.machine.check("journalctl -u mdc-agent.service -b --no-pager -o cat | grep -i watchdog | tail -1")
    assert "watchdog" in said.lower(), said
    container.wait_zone("smoke", "normal")
    return said.strip()
