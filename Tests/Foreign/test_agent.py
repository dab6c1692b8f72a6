"""The agent as systemd and a technician meet it: start, stop, reload, refusal. It runs as its users run it."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess

from conftest import ROOT, binary, eventually, free_port, get_json


def site_file(folder, text):
    path = folder / "site.yaml"
    path.write_text(text)
    return path


def start_agent(processes, tmp_path, site, notify=None):
    env = {"RUN_DIR": str(tmp_path / "run"), "MDC_HARDWARE": str(ROOT / "Hardware")}
    (tmp_path / "run").mkdir(exist_ok=True)
    if notify:
        env["NOTIFY_SOCKET"] = notify
    agent = processes.start(binary("mdc-agent"), "run", "--site", site, env=env)
    eventually(lambda: "ready\n" in open(agent.log).read() or agent.poll() is not None, what="ready")
    return agent


def minimal(tmp_path, extra=""):
    return site_file(
        tmp_path,
        "site: testbed\ntitle: Test container\n"
        f"journal:\n  folder: {tmp_path}/state\n"
        f"status:\n  listen: [\"127.0.0.1:{free_port()}\"]\n" + extra,
    )


def test_it_starts_answers_on_its_socket_and_stops_within_two_seconds(processes, tmp_path):
    agent = start_agent(processes, tmp_path, minimal(tmp_path))
    assert agent.poll() is None, open(agent.log).read()
    status, document = get_json(tmp_path / "run" / "agent.sock", "/v1/status")
    assert status == 200
    assert document["site"] == "testbed" and document["posture"]["state"] in ("normal", "drain")
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(4) == 0


def test_a_broken_site_file_at_first_start_is_78_with_every_fault(processes, tmp_path):
    site = site_file(tmp_path, "sitte: x\nmodbus: 3\n")
    agent = start_agent(processes, tmp_path, site)
    assert agent.wait(10) == 78
    log = open(agent.log).read()
    assert "site.yaml:1:1" in log and "did you mean 'site'" in log and "site.yaml:2:9" in log


def test_a_broken_site_file_never_stops_a_running_agent(processes, tmp_path):
    site = minimal(tmp_path)
    good = site.read_text()
    agent = start_agent(processes, tmp_path, site)
    run = tmp_path / "run" / "agent.sock"
    site.write_text("site: [")
    agent.send_signal(signal.SIGHUP)
    eventually(lambda: "not valid YAML" in open(agent.log).read(), what="the refusal")
    assert get_json(run, "/v1/status")[1]["title"] == "Test container"
    site.write_text(good.replace("Test container", "Renamed container"))
    agent.send_signal(signal.SIGHUP)

    def renamed():
        try:
            return get_json(run, "/v1/status")[1]["title"] == "Renamed container"
        except OSError:
            return False

    eventually(renamed, what="the new title")
    assert agent.poll() is None


def test_a_port_in_use_is_named_with_the_remedy_and_the_rest_runs(processes, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        site = site_file(
            tmp_path,
            f"site: testbed\njournal:\n  folder: {tmp_path}/state\nstatus:\n  listen: [\"127.0.0.1:{port}\"]\n",
        )
        agent = start_agent(processes, tmp_path, site)
        assert get_json(tmp_path / "run" / "agent.sock", "/v1/status")[0] == 200
        assert f"127.0.0.1:{port}" in open(agent.log).read()
        assert "Address already in use" in open(agent.log).read()


def test_systemd_is_told_ready_status_and_watchdog(processes, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(10)
        agent = start_agent(processes, tmp_path, minimal(tmp_path), notify=str(path))
        told = b""
        while b"READY=1" not in told:
            told += manager.recv(4096)
        agent.send_signal(signal.SIGTERM)
        while b"STOPPING=1" not in told:
            told += manager.recv(4096)


def run_command(*words, env=None):
    return subprocess.run(
        [binary("mdc-agent"), *map(str, words)], capture_output=True, text=True, timeout=60,
        env=dict(os.environ, MDC_HARDWARE=str(ROOT / "Hardware"), **(env or {})),
    )


def test_commands_keep_their_exit_codes(tmp_path):
    nowhere = str(tmp_path / "none.sock")
    assert run_command("version").returncode == 0
    assert json.loads(run_command("version", "--json").stdout)["version"]
    assert run_command("help").returncode == 0
    assert run_command("nonsense").returncode == 64
    assert run_command("status", "--nonsense").returncode == 64
    assert run_command("status", "--socket", nowhere).returncode == 69
    assert run_command("points", "--socket", nowhere).returncode == 69
    assert run_command("check", "--site", tmp_path / "none.yaml").returncode == 66
    broken = site_file(tmp_path, "site: [\n")
    assert run_command("check", "--site", broken).returncode == 78


def test_every_command_explains_itself():
    overview = run_command("help").stdout
    names = [line[2:].split("  ")[0] for line in overview.splitlines() if re.match(r"  [a-z]", line)]
    assert {"run", "serve", "status", "points", "check", "version"} <= set(names)
    for name in names:
        answer = run_command(*name.split(), "--help")
        assert answer.returncode == 0 and "usage: mdc-agent " + name in answer.stdout, name


def test_the_hardware_library_is_sound():
    answer = run_command("hardware", "lint")
    assert answer.returncode == 0, answer.stdout
    assert json.loads(run_command("hardware", "list", "--json").stdout)["profiles"]
