"""Alarms, posture and power as a technician has them: the commands against a running agent, right and wrong."""
import json
import os
import subprocess

import pytest

from conftest import ROOT, binary, eventually, free_port
from test_security import House


@pytest.fixture
def house(processes, tmp_path):
    return House(processes, tmp_path)


def alarms(house, *words):
    answer = house.command("alarms", "--json", *words)
    return answer.returncode, json.loads(answer.stdout)["alarms"]


def leak(house):
    house.lines.set("LEAK1", 1)
    eventually(lambda: "zone.leak.leak" in house.alarms(), what="a leak")


def test_an_alarm_is_listed_acknowledged_and_gone_when_it_is_over(house):
    eventually(lambda: alarms(house) == (0, []), what="no alarm")
    assert house.command("alarms").stdout == "no alarm stands\n"
    leak(house)
    code, listed = alarms(house)
    assert code == 1 and [a["id"] for a in listed] == ["zone.leak.leak"], listed
    assert listed[0]["active"] and listed[0]["severity"] == "major" and "water" in listed[0]["text"]

    # It is over, and stays until somebody has seen it.
    house.lines.set("LEAK1", 0)
    eventually(lambda: alarms(house)[1][0]["active"] is False, what="the end of the leak")
    assert "over" in house.command("alarms").stdout
    done = house.command("alarms", "ack", "zone.leak.leak")
    assert done.returncode == 0 and done.stdout == "zone.leak.leak acknowledged\n", done
    eventually(lambda: alarms(house) == (0, []), what="an empty list")
    kinds = [e["kind"] for e in house.events() if e["subject"] == "zone.leak" and e["kind"].startswith("alarm.")]
    assert kinds[-3:] == ["alarm.raised", "alarm.cleared", "alarm.acknowledged"]
    assert next(e for e in house.events() if e["kind"] == "alarm.acknowledged")["actor"]


def test_all_are_acknowledged_at_once_and_mistakes_are_told(house):
    leak(house)
    assert house.command("alarms", "ack").returncode == 64
    wrong = house.command("alarms", "ack", "zone.leek.leak")
    assert wrong.returncode == 66 and "no alarm 'zone.leek.leak' stands" in wrong.stderr, wrong
    everything = house.command("alarms", "ack", "--all", "--json")
    assert json.loads(everything.stdout) == {"outcome": "done", "text": "1 acknowledged"}
    assert alarms(house)[1][0]["acknowledged_by"]
    again = house.command("alarms", "ack", "zone.leak.leak")
    assert again.returncode == 0 and "was acknowledged by" in again.stdout


def test_a_shelved_alarm_stays_in_force_and_comes_back(house):
    leak(house)
    assert house.command("alarms", "shelve", "zone.leak.leak", "--for", "soon").returncode == 64
    assert house.command("alarms", "shelve", "zone.leak.leak", "--for", "25h").returncode == 64
    assert house.command("alarms", "unshelve", "zone.leak.leak").returncode == 66
    done = house.command("alarms", "shelve", "zone.leak.leak", "--for", "30min", "--reason", "pump ordered")
    assert done.returncode == 0 and "shelved until" in done.stdout, done
    eventually(lambda: alarms(house)[1][0].get("shelved_until"), what="the shelf")
    shelved = [e for e in house.events() if e["kind"] == "alarm.shelved"]
    assert {"name": "reason", "value": "pump ordered"} in shelved[0]["evidence"]
    assert house.command("posture").returncode == 1, "what the alarm does to the posture stays"
    assert house.command("alarms", "unshelve", "zone.leak.leak").returncode == 0
    eventually(lambda: not alarms(house)[1][0].get("shelved_until"), what="the end of the shelf")


def test_what_stood_and_who_saw_it_outlives_a_kill(house):
    leak(house)
    house.command("alarms", "ack", "zone.leak.leak")
    house.command("alarms", "shelve", "zone.leak.leak", "--for", "1h")
    house.agent.kill()
    house.agent.wait()
    house.start()
    listed = eventually(lambda: alarms(house)[1], what="the alarm of before")
    assert listed[0]["id"] == "zone.leak.leak" and listed[0]["acknowledged_by"] and listed[0]["shelved_until"]
    raised = [e for e in house.events() if e["kind"] == "alarm.raised" and e["subject"] == "zone.leak"]
    assert len(raised) == 1, "it is the same alarm, not a new one"


def test_the_posture_page_says_why_and_when_nobody_writes_it(house):
    eventually(lambda: house.command("posture").returncode == 0, what="normal")
    leak(house)
    eventually(lambda: house.command("posture").returncode == 1, what="drain")
    page = json.loads(house.command("posture", "--json").stdout)
    assert page["state"] == "drain" and "water" in page["reason"] and page["drained"] == []
    assert house.command("posture").stdout.startswith("drain: ")
    house.agent.kill()
    house.agent.wait()
    stale = eventually(
        lambda: (answer := house.command("posture")).returncode == 69 and answer, what="a page that nobody refreshes")
    assert "safe posture" in stale.stderr
    nowhere = house.command("posture", "--run-dir", str(house.folder / "nowhere"))
    assert nowhere.returncode == 69 and "No such file" in nowhere.stderr


def test_without_an_agent_each_command_says_so(tmp_path):
    for words in (["alarms"], ["alarms", "ack", "x"], ["alarms", "shelve", "x"], ["power"], ["power", "target", "1"]):
        answer = subprocess.run(
            [binary("mdc-agent"), *words, "--socket", tmp_path / "none.sock"], capture_output=True, text=True, timeout=20)
        assert answer.returncode == 69 and "no agent answers" in answer.stderr, words


POWER = """site: testbed
journal:
  folder: {folder}/state
status:
  listen: ["127.0.0.1:{door}"]
modbus:
  buses:
    meters:
      tcp: 127.0.0.1:{port}
      units:
        meter: {{profile: eastron-sdm630, unit: 1}}
control:
  posture: {{hold: 1s}}
  feeds:
    main: {{meters: [meter.power], maximum: 200000, default: 100000, ramp-down: 100000, ramp-up: 100000, breach-after: 1s}}
  pue: {{boundary: "all behind the meter", total: [meter.power], it: [meter.power]}}
"""


@pytest.fixture
def feed(processes, tmp_path):
    (tmp_path / "run").mkdir()
    site = tmp_path / "site.yaml"
    site.write_text(POWER.format(folder=tmp_path, door=free_port(), port=free_port()))
    sim = processes.start(
        binary("mdc-sim"), "--site", site, "--hardware", ROOT / "Hardware", "--run-dir", tmp_path / "run", "--seed", "4",
        stdin=subprocess.DEVNULL)
    eventually(lambda: "ready\n" in open(sim.log).read(), what="mdc-sim's ready")
    env = {"RUN_DIR": str(tmp_path / "run"), "MDC_HARDWARE": str(ROOT / "Hardware"), "MDC_SITE": str(site)}
    agent = processes.start(binary("mdc-agent"), "run", env=env)
    eventually(lambda: "ready\n" in open(agent.log).read() or agent.poll() is not None, what="ready")
    def command(*words):
        return subprocess.run(
            [binary("mdc-agent"), *words], env=dict(os.environ, **env), capture_output=True, text=True, timeout=60)

    return command


def test_a_power_target_limits_breaches_and_is_taken_back(feed):
    def main():
        return json.loads(feed("power", "--json").stdout)["feeds"][0]

    eventually(lambda: main().get("measured_watts"), what="a measured load")
    assert main()["allowed_watts"] == 100000 and main()["targets"] == []
    assert feed("power").returncode == 0
    assert feed("power", "target", "much").returncode == 64
    assert feed("power", "target", "1", "--for", "1h", "--until", "2h").returncode == 64
    assert feed("power", "target", "1", "--from", "yesterday").returncode == 64
    refused = feed("power", "target", "1000", "--feed", "west")
    assert refused.returncode == 66 and "no feed 'west'; this site has main" in refused.stderr

    asked = feed("power", "target", "1000", "--feed", "main", "--for", "1h")
    assert asked.returncode == 0 and asked.stdout == "power target set\n", asked
    # Who was told that it is done finds it so, not half a second later.
    assert [target["watts"] for target in main()["targets"]] == [1000]
    eventually(lambda: main()["allowed_watts"] == 1000, what="the ramp's end")
    eventually(lambda: feed("posture").returncode == 1, what="conserve")
    page = json.loads(feed("posture", "--json").stdout)
    assert page["state"] == "conserve" and page["reason"].startswith("power target on feed main: at most 1000 W")
    # The make-believe container draws more and does not care.
    eventually(lambda: feed("power").returncode == 2, what="a breach")
    assert "breach" in feed("power").stdout and "target\tmain\t1000 W\tnow" in feed("power").stdout
    assert main()["breach"]["state"] in ("active", "escalated")

    cleared = feed("power", "clear")
    assert cleared.returncode == 0 and cleared.stdout == "power targets removed\n", cleared
    eventually(lambda: main()["allowed_watts"] == 100000, what="the ramp up")
    eventually(lambda: feed("posture").returncode == 0, what="normal again")
    assert main()["targets"] == [] and main()["breach"]["state"] == "resolved"


def test_energy_is_counted_and_pue_names_its_boundary(feed):
    def power():
        return json.loads(feed("power", "--json").stdout)

    eventually(lambda: power()["feeds"][0]["energy_watt_hours"] > 0, what="some energy")
    pue = eventually(lambda: power()["pue"].get("live") and power()["pue"], what="a PUE")
    assert pue["boundary"] == "all behind the meter" and abs(pue["live"] - 1) < 1e-6
    assert "all behind the meter" in feed("power").stdout
