"""The simulator's sysfs tree as the agent's commands see it, without an agent: a look of their own."""
import json
import os
import subprocess

from conftest import ROOT, binary, eventually

SITE = ROOT / "Hardware" / "sites" / "demo.yaml"


def accel(run, *words):
    return subprocess.run(
        [binary("mdc-agent"), "accel", *words, "--site", str(SITE), "--hardware", str(ROOT / "Hardware"), "--run-dir", str(run)],
        capture_output=True, text=True, timeout=60, env=dict(os.environ, SWIFT_BACKTRACE="enable=no"))


def cards(run):
    answer = accel(run, "list", "--json")
    return {card["name"]: card for card in json.loads(answer.stdout)["accelerators"]}, answer.returncode


def start_simulator(processes, run):
    simulator = processes.start(
        binary("mdc-sim"), "--site", SITE, "--hardware", ROOT / "Hardware", "--run-dir", run, stdin=subprocess.PIPE)
    eventually(lambda: "ready\n" in open(simulator.log).read(), what="the simulator's tree")
    return simulator


def tell(simulator, words):
    simulator.stdin.write((words + "\n").encode())
    simulator.stdin.flush()


def test_every_simulated_card_is_recognised_and_ok(processes, tmp_path):
    start_simulator(processes, tmp_path)
    found, code = eventually(lambda: (lambda f: f if f[1] == 0 else None)(cards(tmp_path)), what="all cards ok")
    assert code == 0
    assert {found[f"npu{i}"]["health"] for i in range(6)} == {"ok"}
    assert found["npu0"]["serial"], "the serial is read from the card"


def test_show_names_the_slot_and_the_values(processes, tmp_path):
    start_simulator(processes, tmp_path)
    eventually(lambda: cards(tmp_path)[1] == 0, what="all cards ok")
    shown = json.loads(accel(tmp_path, "show", "A1", "--json").stdout)
    assert shown["accelerator"]["name"] == "npu0"
    assert any(p["name"] == "npu0.temperature.peak" and 0 < p["value"] < 110 for p in shown["points"])


def test_a_card_taken_off_the_bus_is_absent(processes, tmp_path):
    start_simulator(processes, tmp_path)
    link = tmp_path / "sys" / "bus" / "pci" / "devices" / "0000:44:00.0"
    link.unlink()
    found, code = cards(tmp_path)
    assert found["npu3"]["health"] == "absent"
    assert code == 2
