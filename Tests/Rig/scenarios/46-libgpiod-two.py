"""libgpiod 2.x, which Debian 12 does not link: the same calls against a real chip."""
import json

from rig.runner import Skipped


def run(container):
    machine = container.machine
    if machine.run("test -x /rig/gpiod2/lines").status != 0:
        raise Skipped("Debian's backports, where libgpiod 2.x is, were out of reach when the image was made")
    machine.check("systemd-run -q --unit=rig-lines -p StandardOutput=truncate:/run/rig-lines "
                  "/rig/gpiod2/lines /dev/$(basename $(readlink /run/gpio-sim)) 8 600")
    machine.wait_until("test -s /run/rig-lines")
    # More edges than 1.6 can queue, while nobody reads; apart, or the kernel itself runs them together.
    machine.check("systemctl kill -s STOP rig-lines.service")
    machine.check("python3 /rig/guest/edges.py flap 63 6", 30)
    machine.check("systemctl kill -s CONT rig-lines.service && sleep 1")
    container.machine.check("rig-gpio down")
    machine.wait_until("grep -q gone /run/rig-lines")
    start, gone, end = [json.loads(line) for line in machine.check("cat /run/rig-lines").splitlines()]
    container.machine.check("rig-gpio")
    container.everything_normal()
    container.wait_zone("front-door", "normal")
    assert start == {"libgpiod": 2, "levels": 0}, start
    assert 16 < end["edges"] <= end["sequence"], end
    return f"libgpiod {start['libgpiod']}: {end['edges']} edges queued, numbered to {end['sequence']}; then {gone}"
