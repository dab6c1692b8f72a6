"""Removed, it stops and keeps what it knew; purged, nothing of it is left."""


def run(container):
    machine = container.machine
    machine.check("rm /usr/share/mdc-agent/hardware/accelerators/rig-*.yaml")
    machine.check("DEBIAN_FRONTEND=noninteractive dpkg -r mdc-agent", 60)
    machine.check("test -s /var/lib/mdc-agent/journal.sqlite && test -s /etc/mdc-agent/site.yaml")
    running = machine.run("systemctl is-active mdc-agent.service mdc-agent.socket mdc-inference.service; "
                          "pgrep -a mdc-agent").text
    assert "mdc-agent " not in running and "\nactive" not in "\n" + running, running
    machine.check("DEBIAN_FRONTEND=noninteractive dpkg -P mdc-agent", 60)
    left = machine.run("find / -xdev \\( -path /proc -o -path /sys -o -path /rig -o -path /run/systemd \\) -prune -o "
                       "\\( -name '*mdc-agent*' -o -name '*mdc-inference*' -o -name '*mdc-sim*' \\) -print; "
                       "systemctl list-units --all --no-legend 'mdc-*' | grep -v drop-in; "
                       "dpkg-query -W -f '${Status}\\n' mdc-agent 2> /dev/null", 30).text
    # The rig's own drop-ins are not the package's.
    left = [line for line in left.splitlines() if line.strip() and not line.startswith("/etc/systemd/system/mdc-")
            and "not-installed" not in line]
    assert not left, f"left behind: {left}"
    return "removed and purged: no file, no unit, no process left"
