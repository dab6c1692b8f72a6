"""mdc-sim as strangers meet it: mbpoll and pymodbus read its ports and its serial line, a shell talks to it."""
import json
import os
import shutil
import socket
import struct
import subprocess

import pytest

from conftest import ROOT, binary, eventually, free_port


@pytest.fixture
def container(processes, tmp_path):
    port = free_port()
    site = tmp_path / "site.yaml"
    site.write_text(
        f"""
site: strangers
modbus:
  buses:
    meters:
      tcp: 127.0.0.1:{port}
      units:
        meter-main: {{profile: eastron-sdm630, unit: 1}}
        ups1: {{profile: apc-smart-ups, unit: 250}}
    line:
      rtu: run:tty
      serial: 19200 8N1
      units:
        cdu1: {{profile: meta-orv3-rpu}}
"""
    )
    run = tmp_path / "run"
    sim = binary("mdc-sim")
    process = processes.start(
        sim, "--site", site, "--hardware", ROOT / "Hardware", "--run-dir", run, "--seed", "4", stdin=subprocess.DEVNULL
    )
    eventually(lambda: "\nready\n" in open(process.log).read(), what="mdc-sim's ready")

    def tell(*words):
        return subprocess.run([sim, "--run-dir", run, "tell", *words], capture_output=True, text=True, timeout=20)

    return type("Container", (), {"port": port, "run": run, "tell": staticmethod(tell), "process": process, "site": site})


def mbpoll(*arguments):
    if not shutil.which("mbpoll"):
        pytest.skip("mbpoll is not installed")
    done = subprocess.run(["mbpoll", "-1", "-q", "-0", *map(str, arguments)], capture_output=True, text=True, timeout=20)
    values = [line.split(":", 1)[1].split()[0] for line in done.stdout.splitlines() if line.startswith("[")]
    return done.returncode, values


def test_mbpoll_reads_volts_over_tcp(container):
    code, values = mbpoll("-a", 1, "-p", container.port, "-t", "3:float", "-B", "-r", 0, "-c", 3, "127.0.0.1")
    assert code == 0
    assert all(210 < float(value) < 230 for value in values) and len(values) == 3


def test_mbpoll_reads_the_coolant_over_a_serial_line(container):
    code, values = mbpoll("-m", "rtu", "-a", 12, "-b", 19200, "-P", "none", "-t", "4", "-r", 36864, "-c", 3, container.run / "tty")
    assert code == 0
    flow, supply, back = (int(value) / 10 for value in values)
    assert 20 < flow < 45 and 25 < supply < 40 and supply <= back < 60


def test_pymodbus_reads_a_unit_above_247(container):
    client_module = pytest.importorskip("pymodbus.client")
    client = client_module.ModbusTcpClient("127.0.0.1", port=container.port, timeout=3)
    assert client.connect()
    try:
        for word in ("device_id", "slave", "unit"):  # the argument's name changed with pymodbus's versions
            try:
                answer = client.read_holding_registers(128, count=3, **{word: 250})
                break
            except TypeError:
                continue
        assert not answer.isError()
        assert answer.registers[2] / 512 == pytest.approx(100, abs=1)
    finally:
        client.close()


def ask(port, request, seconds=1.0):
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as link:
        link.sendall(request)
        try:
            return link.recv(300)
        except TimeoutError:
            return None


REQUEST = struct.pack(">HHHBBHH", 7, 0, 6, 1, 4, 0, 2)


def test_faults_come_and_go_by_command(container):
    good = ask(container.port, REQUEST)
    assert good[:2] == b"\0\7" and good[6:9] == bytes([1, 4, 4])
    assert container.tell("unit", "meter-main", "foreign-unit").returncode == 0
    assert ask(container.port, REQUEST)[6] == 2
    container.tell("unit", "meter-main", "ok")
    container.tell("unit", "1", "mute")
    assert ask(container.port, REQUEST, 0.3) is None
    container.tell("unit", "1", "ok")
    container.tell("wrong-transaction")
    assert ask(container.port, REQUEST)[:2] != b"\0\7"
    container.tell("heal")
    assert ask(container.port, REQUEST)[6:9] == bytes([1, 4, 4])


def test_rubbish_closes_the_connection_and_nothing_else(container):
    assert ask(container.port, os.urandom(64) + b"\xff" * 200) == b""
    assert ask(container.port, REQUEST)[6:9] == bytes([1, 4, 4])


def test_mains_away_is_one_story_everywhere(container):
    container.tell("genset", "fail")
    container.tell("mains", "off")

    def on_battery():
        status = struct.unpack(">HHHBBBI", ask(container.port, struct.pack(">HHHBBHH", 1, 0, 6, 250, 3, 0, 2)))[-1]
        return status & 4 and not status & 2

    eventually(on_battery, what="the UPS on battery")
    volts = struct.unpack(">f", ask(container.port, REQUEST)[9:13])[0]
    assert volts == 0
    assert "onBattery" in container.tell("status").stdout


def test_wrong_words_are_refused_with_the_right_ones(container):
    answer = container.tell("unit", "nobody", "mute")
    assert answer.returncode == 64 and "meter-main" in answer.stdout
    assert container.tell("help").stdout.count("\n") > 8


def test_a_broken_site_file_is_named_line_by_line(tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text("site: x\nmodbus:\n  buses:\n    a: {tcp: 127.0.0.1:1, units: {u: {profile: nothing}}}\n")
    done = subprocess.run(
        [binary("mdc-sim"), "--site", site, "--hardware", ROOT / "Hardware", "--run-dir", tmp_path / "run"],
        capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 78
    assert "site.yaml:4:" in done.stderr


def test_a_port_in_use_is_named(container, tmp_path):
    done = subprocess.run(
        [binary("mdc-sim"), "--site", container.site, "--hardware", ROOT / "Hardware", "--run-dir", tmp_path / "run2"],
        capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 78
    assert str(container.port) in done.stderr and "in use" in done.stderr


def test_json_speaks_json(tmp_path, processes, container):
    run = tmp_path / "run3"
    site = tmp_path / "small.yaml"
    site.write_text(f"site: x\nmodbus:\n  buses:\n    a: {{tcp: 127.0.0.1:{free_port()}, units: {{m: {{profile: xy-md02}}}}}}\n")
    process = processes.start(
        binary("mdc-sim"), "--site", site, "--hardware", ROOT / "Hardware", "--run-dir", run, "--json", stdin=subprocess.DEVNULL
    )
    eventually(lambda: "ready" in open(process.log).read())
    kinds = {entry["kind"] for entry in json.loads(open(process.log).readline())["addresses"]}
    assert {"modbus-tcp", "sysfs", "lines", "control"} <= kinds
    done = subprocess.run([binary("mdc-sim"), "--run-dir", run, "tell", "status"], capture_output=True, text=True, timeout=20)
    assert json.loads(done.stdout)["ok"] is True
