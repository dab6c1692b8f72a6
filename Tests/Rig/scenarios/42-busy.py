"""A line in somebody else's hands: a fault that says whose, and taken up when it is let go."""


def run(container):
    machine = container.machine
    machine.check("systemctl stop mdc-agent.service && "
                  "systemd-run -q --unit=rig-thief gpiomon mdc-security 21 && "
                  "for i in $(seq 100); do gpioinfo mdc-security | grep -q gpiomon && break; sleep 0.1; done && "
                  "systemctl start mdc-agent.service", 30)
    container.wait_ready()
    container.wait_zone("measured", "failed")
    container.wait_zone("front-door", "normal")
    zone = next(z for z in container.ask("/v1/status")["zones"] if z["name"] == "measured")
    assert "gpiomon" in zone["reason"], zone
    logged = machine.check("journalctl -u mdc-agent.service -b --no-pager -o cat | grep gpiomon | tail -1").strip()
    assert "site.yaml:" in logged, logged
    machine.check("systemctl stop rig-thief.service")
    container.wait_zone("measured", "normal")
    return logged
