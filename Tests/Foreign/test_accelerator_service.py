"""The whole service around the cards: agent, inference plane and simulator as processes of their own."""
import json
import os
import signal
import subprocess

import pytest
from conftest import ROOT, binary, eventually, free_port, get_json

CARDS = """
  root: {root}
  intervals: {{liveness: 200ms, fast: 500ms, slow: 2s}}
  canary: 2s
  cards:
    - {{name: npu0, layout: furiosa-rngd, slot: A1, address: "0000:41:00.0"}}
    - {{name: npu1, layout: furiosa-rngd, slot: A2, address: "0000:42:00.0"}}
    - {{name: npu2, layout: rebellions-atom, slot: A3, address: "0000:43:00.0"}}
    - {{name: npu3, layout: rebellions-atom, slot: B1, address: "0000:44:00.0"}}
    - {{name: npu4, layout: mobilint-aries, slot: B2, address: "0000:45:00.0"}}
"""
MODEL = """
engine: identity
max_batch_size: 4
inputs: [{name: x, datatype: FP32, shape: [-1, 8]}]
outputs: [{name: y, datatype: FP32, shape: [-1, 8]}]
"""


class House:
    def __init__(self, processes, folder):
        self.processes, self.folder, self.run = processes, folder, folder / "run"
        self.run.mkdir()
        self.model = folder / "models" / "echo" / "model.yaml"
        self.model.parent.mkdir(parents=True)
        self.model.write_text(MODEL)
        self.site = folder / "site.yaml"
        self.port = free_port()
        self.site.write_text(
            f"site: service\njournal: {{folder: {folder}/state}}\nstatus: {{listen: []}}\n"
            f"accelerators:{CARDS.format(root=folder / 'sys')}"
            f"inference:\n  listen: [\"127.0.0.1:{self.port}\"]\n  socket: {folder}/inference.sock\n"
            f"  ring: {folder}/ring.sock\n  models: {folder}/models\n"
            "  pool: {classes: [{slot: 16k, count: 32}]}\n"
            "  lanes:\n    - {name: lane0, accelerator: npu0}\n    - {name: lane1, accelerator: npu1}\n")
        self.environment = {"RUN_DIR": str(self.run), "MDC_HARDWARE": str(ROOT / "Hardware")}
        self.simulator = processes.start(
            binary("mdc-sim"), "--site", self.site, "--hardware", ROOT / "Hardware", "--run-dir", self.run, "--seed", "5",
            stdin=subprocess.PIPE)
        eventually(lambda: "ready\n" in open(self.simulator.log).read(), what="the simulator's tree")
        self.agent = processes.start(binary("mdc-agent"), "run", "--site", self.site, env=self.environment)
        eventually(lambda: "ready\n" in open(self.agent.log).read(), what="the agent")
        self.serve = processes.start(binary("mdc-agent"), "serve", "--site", self.site, env=self.environment)
        eventually(lambda: "ready\n" in open(self.serve.log).read(), 60, what="the inference plane")

    def tell(self, words):
        self.simulator.stdin.write((words + "\n").encode())
        self.simulator.stdin.flush()

    def status(self):
        return get_json(self.run / "agent.sock", "/v1/status")[1]

    def cards(self):
        return {card["name"]: card for card in self.status()["accelerators"]}

    def codes(self, name):
        return [finding["code"] for finding in self.cards()[name]["findings"]]

    def all_well(self):
        eventually(lambda: all(card["health"] == "ok" for card in self.cards().values()), 60, what="all cards ok")

    def alarms(self):
        return {alarm["id"]: alarm for alarm in get_json(self.run / "agent.sock", "/v1/alarms")[1]["alarms"]}

    def lanes(self):
        return get_json(self.folder / "inference.sock", "/lanes")[1]["lanes"]

    def accel(self, *words):
        return subprocess.run(
            [binary("mdc-agent"), "accel", *words, "--site", str(self.site), "--hardware", str(ROOT / "Hardware"),
             "--run-dir", str(self.run)],
            capture_output=True, text=True, timeout=60, env=dict(os.environ, NO_COLOR="1"))


@pytest.fixture
def house(processes, tmp_path):
    house = House(processes, tmp_path)
    house.all_well()
    return house


def test_a_card_that_computes_wrongly_is_failed_and_drained_and_a_right_one_is_left_alone(house):
    canary = "canary: {seed: 3%s}\n"

    def answers(count, expected):
        return lambda: all(
            (lane.get("canary") or {}).get("answers", 0) >= count and lane["canary"].get("expected") == expected
            for lane in house.lanes())

    house.model.write_text(MODEL + canary % "")
    eventually(answers(1, None), what="a first answer that nobody judges")
    right = house.lanes()[0]["canary"]["got"]
    assert right in open(house.serve.log).read(), "whoever commissions it is told the digest"
    house.model.write_text(MODEL + canary % f", digest: {right}")
    eventually(answers(2, right), what="answers that are right")
    house.all_well()

    # The same question, and lane1's device now answers it otherwise than was found right.
    house.model.write_text(MODEL + canary % f", digest: {right}, digests: {{lane1: {'0f' * 32}}}")
    eventually(lambda: "canary.mismatch" in house.codes("npu1"), what="the wrong answer")
    card = house.cards()["npu1"]
    finding = card["findings"][0]
    assert card["health"] == "failed" and finding["action"] == "drain"
    evidence = {fact["name"]: fact["value"] for fact in finding["evidence"]}
    assert evidence["got"] == right and evidence["question"] == "echo on lane1"
    eventually(
        lambda: [lane["state"] for lane in house.lanes()] == ["ready", "draining"], what="lane1's draining")
    assert "canary.mismatch" not in house.codes("npu0")
    shown = house.accel("show", "A2").stdout
    assert "its results cannot be trusted" in shown and "take its work away" in shown
    assert "question: echo on lane1" in shown, "the evidence is shown too"

    # Many right answers in a row, and it is well again.
    house.model.write_text(MODEL + canary % f", digest: {right}")
    eventually(lambda: house.cards()["npu1"]["health"] == "ok", 120, what="trust again")


def test_a_plane_that_asks_no_more_is_noticed(house):
    house.model.write_text(MODEL + "canary: {seed: 3}\n")
    # Four in eight seconds: the agent, which looks once a second, has seen one.
    eventually(lambda: all(lane.get("canary", {}).get("answers", 0) > 3 for lane in house.lanes()), 60, what="answers")
    house.serve.send_signal(signal.SIGKILL)
    eventually(lambda: "canary.overdue" in house.codes("npu0"), 60, what="the late answer")
    assert house.cards()["npu0"]["health"] == "degraded"


def test_a_card_told_to_be_hot_is_hot_within_a_minute_and_no_other(house):
    house.tell("accel 0 hot")
    eventually(lambda: "temperature.hot" in house.codes("npu0"), 90, what="heat")
    assert not house.codes("npu1")
    # How hot depends on its work: beyond the next limit it has failed.
    eventually(lambda: {"npu0.degraded", "npu0.failed"} & set(house.alarms()), 60, what="the card's alarm")
    listed = house.accel("list")
    assert listed.returncode in (1, 2)
    assert "keep an eye on it" in listed.stdout or "take its work away" in listed.stdout
    house.tell("accel 0 cool")
    eventually(lambda: house.cards()["npu0"]["health"] == "ok", 120, what="cool again")


def test_all_cards_hot_at_once_is_one_alarm_of_the_cooling(house):
    house.tell("load 100")  # else the idle ones warm more slowly, and the first are told by themselves
    for number in range(4):
        house.tell(f"accel {number} hot")

    def all_alarmed():
        alarms = house.alarms()
        theirs = [{f"npu{i}.degraded", f"npu{i}.failed"} & set(alarms) for i in range(4)]
        return all(theirs) and alarms

    alarms = eventually(all_alarmed, 90, what="all cards hot")
    assert alarms["accelerators.all-hot"].get("consequence_of") is None
    assert {alarm.get("consequence_of") for name, alarm in alarms.items() if name.startswith("npu")} == {
        "accelerators.all-hot"}
    _, document = get_json(house.run / "agent.sock", "/v1/events?since=0&limit=500")
    told = [e for e in document["events"] if e["kind"] == "accelerator.changed" and e["severity"] != "notice"]
    cooling = [e for e in told if e["subject"] == "accelerators.cooling"]
    assert len(cooling) == 1 and "look at the cooling" in cooling[0]["text"]
    later = [e["text"] for e in told if e["sequence"] > cooling[0]["sequence"]]
    assert later == [], "once it is known to be everybody's, no card is told of by itself"


def test_what_nobody_can_see_the_simulator_says(house):
    before = open(house.simulator.log).read()
    for words, answer in (("accel 9 hot", "no accelerator 9"), ("accel 4 hot", "mobilint-aries shows no temperature")):
        house.tell(words)
        eventually(lambda: answer in open(house.simulator.log).read()[len(before):], what=answer)
    assert "judged by bus and kernel log alone" in house.accel("show", "B2").stdout


def documents(process):
    return [json.loads(line) for line in open(process.log) if line.startswith("{")]


def test_who_watches_the_cards_is_told_when_something_changes_and_only_then(house):
    words = ["--site", house.site, "--hardware", ROOT / "Hardware", "--run-dir", house.run]
    for_scripts = house.processes.start(binary("mdc-agent"), "accel", "watch", "--json", *words)
    for_people = house.processes.start(binary("mdc-agent"), "accel", "watch", *words)
    first = eventually(lambda: documents(for_scripts), what="how the cards are")[0]["accelerators"]
    assert [card["health"] for card in first] == ["ok"] * 5
    eventually(lambda: "npu4" in open(for_people.log).read(), what="the table")
    house.tell("accel 3 gone")
    news = eventually(
        lambda: [d for d in documents(for_scripts)[1:] if d["accelerators"][3]["health"] == "absent"],
        what="the absent card")[0]["accelerators"]
    assert [card["name"] for card in news if card["health"] != "ok"] == ["npu3"]
    eventually(lambda: "reseat or replace the card" in open(for_people.log).read(), what="what to do")
    text = open(for_people.log).read()
    assert "\x1b" not in text, "no colour and no clearing of a screen that is none"
    house.tell("accel 3 back")
    eventually(lambda: documents(for_scripts)[-1]["accelerators"][3]["health"] == "ok", 60, what="the card's return")
    told = documents(for_scripts)
    assert all(one != other for one, other in zip(told, told[1:])), "what is printed is news"

    # Ctrl-C is how a person ends it.
    for_scripts.send_signal(signal.SIGINT)
    for_people.send_signal(signal.SIGINT)
    assert for_scripts.wait(30) in (0, 130, -signal.SIGINT) and for_people.wait(30) in (0, 130, -signal.SIGINT)


def test_what_is_shown_of_a_card_can_be_read_by_a_program(house):
    house.tell("accel 0 hot")
    eventually(lambda: house.codes("npu0"), 90, what="heat")
    by_slot, by_name = house.accel("show", "A1", "--json"), house.accel("show", "npu0", "--json")
    for answer in (by_slot, by_name):
        assert answer.returncode in (1, 2), answer.stderr
        shown = json.loads(answer.stdout)
        card = shown["accelerator"]
        assert (card["name"], card["slot"], card["address"]) == ("npu0", "A1", "0000:41:00.0")
        assert card["serial"] and card["vendor"] and card["model"] and card["since"] > 0
        finding = card["findings"][0]
        assert finding["code"].startswith("temperature.") and finding["action"] in ("observe", "drain")
        assert finding["since"] > 0 and all(set(fact) == {"name", "value"} for fact in finding["evidence"])
        points = {point["name"]: point for point in shown["points"]}
        assert all(name.startswith("npu0.") for name in points)
        power = points["npu0.power"]
        assert power["unit"] == "W" and power["quality"] == "good" and power["value"] > 0 and power["time"] > 0
    missing = house.accel("show", "nobody", "--json")
    assert missing.returncode == 66 and not missing.stdout, "what is not there is no document"


def test_the_technicians_commands_through_the_agent_and_without_it(house):
    for agent_runs in (True, False):
        if not agent_runs:
            house.agent.send_signal(signal.SIGTERM)
            house.agent.wait(20)
        listed = eventually(
            lambda: (lambda a: a if a.returncode == 0 else None)(house.accel("list")), what="all cards ok")
        assert ("read directly" in listed.stderr) == (not agent_runs)
        assert [line.split("\t")[1] for line in listed.stdout.splitlines()] == ["npu0", "npu1", "npu2", "npu3", "npu4"]
        document = json.loads(house.accel("list", "--json").stdout)
        assert [card["slot"] for card in document["accelerators"]] == ["A1", "A2", "A3", "B1", "B2"]
        for word in ("A1", "npu0", "0000:41:00.0", document["accelerators"][0]["serial"]):
            shown = house.accel("show", word)
            assert shown.returncode == 0 and "slot A1" in shown.stdout and "npu0.power" in shown.stdout
        missing = house.accel("show", "A7")
        assert missing.returncode == 66 and "npu3" in missing.stderr
        assert house.accel("show").returncode == 64
        assert house.accel("list", "--nonsense").returncode == 64
    house.tell("accel 3 gone")
    absent = eventually(
        lambda: (lambda a: a if a.returncode == 2 else None)(house.accel("list")), what="the absent card")
    assert "not on the PCI bus: reseat or replace the card" in absent.stdout
