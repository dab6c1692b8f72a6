"""The package: starts safely on an empty machine; an upgrade keeps configuration and journal and loses no event and
no request."""
import json
import shutil
import subprocess

from rig.container import AGENT, SITE


def run(container):
    found = container.found_at_installation
    assert "Container without a site file" in found, f"the default site file does not start safely: {found}"
    machine = container.machine
    machine.check(f"echo '# the owner was here' >> {SITE}")
    site = machine.check(f"sha256sum {SITE}")
    before = container.journal()
    first = container.property("MainPID")
    newer(container)
    container.begin_inference()
    # Something happens while the new one is being put in place.
    machine.check("(sleep 0.5; echo pull-up > /run/gpio-sim/sim_gpio0/pull; sleep 1; "
                  "echo pull-down > /run/gpio-sim/sim_gpio0/pull) & "
                  "DEBIAN_FRONTEND=noninteractive dpkg -i /rig/newer.deb; wait", 60)
    container.wait_ready()
    assert container.property("MainPID") != first, "the upgrade did not restart the agent"
    assert machine.check(f"sha256sum {SITE}") == site, "the upgrade changed the owner's site file"
    container.wait_zone("front-door", "normal")
    container.wait_inference()
    clients = container.end_inference()
    assert clients["answered"] > 20 and not clients["else"], f"requests were lost: {clients}"
    after = container.journal()
    assert after["first"] == before["first"] and after["last"] >= before["last"], f"{before} became {after}"
    page = json.loads(machine.check("mdc-agent status --json; true"))
    assert page["site"] == "mdc-rig", page
    version = machine.check("dpkg-query -W -f '${Version}' mdc-agent")
    said = machine.check(f"systemd-analyze security --no-pager {AGENT} mdc-inference.service | tail -1; "
                         f"systemd-analyze security --no-pager {AGENT} | tail -1", 30).split("→ ")[-1].strip()
    return (f"upgraded to {version}, events {after['first']} to {after['last']} without a gap, "
            f"{clients['answered']} requests answered, none lost, the slowest after {clients['slowest']} s; {said}")


def newer(container):
    """The same package under a higher version, packed without compression: nobody here waits for xz."""
    share, stage = container.machine.share, container.machine.folder / "newer"
    subprocess.run(["dpkg-deb", "-R", share / "mdc-agent.deb", stage], check=True)
    control = stage / "DEBIAN/control"
    control.write_text(control.read_text().replace("\nVersion: ", "\nVersion: 1:", 1))
    subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "-b", stage, share / "newer.deb"], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(stage)
