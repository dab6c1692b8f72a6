"""Our master against servers that nobody here wrote, and a foreign master against our simulator."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import tty

import pytest

from conftest import ROOT, binary, eventually, free_port

def run(*words, code=0):
    done = subprocess.run([binary("mdc-agent"), *words, "--hardware", str(ROOT / "Hardware")], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done


def listening(port):
    def check():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(check, what=f"a server on port {port}")


@pytest.fixture
def pymodbus_servers(processes, tmp_path):
    pytest.importorskip("pymodbus")
    script = tmp_path / "server.py"
    script.write_text(
        """
import sys
from pymodbus.server import StartTcpServer
from pymodbus.datastore import ModbusSequentialDataBlock as Block, ModbusServerContext
try:
    from pymodbus.datastore import ModbusDeviceContext as Device
except ImportError:
    from pymodbus.datastore import ModbusSlaveContext as Device
from pymodbus import ModbusDeviceIdentification

import struct
def f32(x):
    return list(struct.unpack(">HH", struct.pack(">f", x)))
values = [0] * 200
values[1:3] = f32(230.4)          # sequential blocks of this library begin at 1
values[3:5] = f32(231.2)
values[71:73] = f32(50.01)
device = Device(hr=Block(1, values[1:]), ir=Block(1, values[1:]), co=Block(1, [True, False] * 20), di=Block(1, [False, True] * 20))
try:
    context = ModbusServerContext(devices=device, single=True)
except TypeError:
    context = ModbusServerContext(slaves=device, single=True)
identity = ModbusDeviceIdentification(info_name={"VendorName": "Example Works", "ProductCode": "EX-1", "MajorMinorRevision": "3.2"})
more = {}
if len(sys.argv) > 2:  # serial frames, as behind a serial server that knows nothing of Modbus
    from pymodbus.framer import FramerType
    more["framer"] = FramerType.RTU
StartTcpServer(context=context, identity=identity, address=("127.0.0.1", int(sys.argv[1])), **more)
"""
    )

    def start(*words):
        port = free_port()
        processes.start(sys.executable, script, port, *words)
        listening(port)
        return port

    return start


@pytest.fixture
def pymodbus_server(pymodbus_servers):
    return pymodbus_servers()


def test_floats_bits_and_refusals_of_a_pymodbus_server(pymodbus_server):
    target = f"127.0.0.1:{pymodbus_server}"
    assert "230.4" in run("modbus", "read", target, "input:0", "--type", "f32").stdout
    answer = json.loads(run("modbus", "read", target, "coil:0", "--count", "4", "--json").stdout)
    assert answer["values"] == [1, 0, 1, 0]
    answer = json.loads(run("modbus", "read", target, "holding:5000", "--json", code=1).stdout)
    assert answer["exception"] == 2


def test_a_pymodbus_server_is_found_and_says_who_it_is(pymodbus_server):
    found = json.loads(run("modbus", "scan", f"127.0.0.1:{pymodbus_server}", "--ids", "1-2", "--json").stdout)
    assert found["units"][0]["texts"]["0"] == "Example Works"
    text = run("modbus", "identify", f"127.0.0.1:{pymodbus_server}").stdout
    assert "Example Works" in text and "tcp: 127.0.0.1" in text
    # The characteristic frequency register of one of our maps.
    assert "eastron-sdm" in text


def test_serial_frames_through_tcp_are_read_from_a_pymodbus_server(pymodbus_servers):
    target = f"127.0.0.1:{pymodbus_servers('rtu')}"
    assert "230.4" in run("modbus", "read", target, "input:0", "--type", "f32", "--rtu").stdout
    answer = json.loads(run("modbus", "read", target, "holding:5000", "--rtu", "--json", code=1).stdout)
    assert answer["exception"] == 2


def test_a_modbus_tk_server_is_read_on_tcp(processes, tmp_path):
    pytest.importorskip("modbus_tk")
    script = tmp_path / "server.py"
    script.write_text(
        """
import sys, time
import modbus_tk.defines as cst
from modbus_tk import modbus_tcp
server = modbus_tcp.TcpServer(port=int(sys.argv[1]), address="127.0.0.1")
server.start()
slave = server.add_slave(7)
slave.add_block("holding", cst.HOLDING_REGISTERS, 100, 20)
slave.set_values("holding", 100, [11, 22, 33])
while True:
    time.sleep(1)
"""
    )
    port = free_port()
    processes.start(sys.executable, script, port)
    listening(port)
    target = f"127.0.0.1:{port}"
    answer = json.loads(run("modbus", "read", target, "holding:100", "--count", "3", "--id", "7", "--json").stdout)
    assert answer["values"] == [11, 22, 33]
    # The wrong unit does not answer: that is a fault, and no value.
    run("modbus", "read", target, "holding:100", "--id", "9", "--timeout", "200", code=2)


def test_a_modbus_tk_rtu_server_is_read_on_a_serial_line(processes, tmp_path):
    pytest.importorskip("modbus_tk")
    pytest.importorskip("serial")
    master, slave = os.openpty()
    script = tmp_path / "server.py"
    script.write_text(
        """
import os, sys, time
import serial
import modbus_tk.defines as cst
from modbus_tk import modbus_rtu
server = modbus_rtu.RtuServer(serial.Serial(sys.argv[1], 19200))
server.start()
slave = server.add_slave(3)
slave.add_block("input", cst.ANALOG_INPUTS, 0, 10)
slave.set_values("input", 0, [7, 8, 9])
print("up", flush=True)
while True:
    time.sleep(1)
"""
    )
    # Two pseudo terminals back to back make a cable.
    other_master, other_slave = os.openpty()
    for fd in (master, slave, other_master, other_slave):
        os.set_blocking(fd, True)
    for fd in (slave, other_slave):
        tty.setraw(fd)

    def carry(source, sink):
        try:
            while True:
                os.write(sink, os.read(source, 512))
        except OSError:
            pass

    for pair in ((master, other_master), (other_master, master)):
        threading.Thread(target=carry, args=pair, daemon=True).start()
    server = processes.start(sys.executable, script, os.ttyname(other_slave))
    eventually(lambda: "up" in pathlib.Path(server.log).read_text(), what="the serial server")
    answer = json.loads(
        run("modbus", "read", os.ttyname(slave), "input:0", "--count", "3", "--id", "3", "--serial", "19200 8N1", "--json").stdout
    )
    assert answer["values"] == [7, 8, 9]


@pytest.fixture
def simulator(processes, tmp_path):
    site = tmp_path / "site.yaml"
    port = free_port()
    site.write_text(
        f"""
site: foreign
modbus:
  buses:
    power:
      tcp: 127.0.0.1:{port}
      units:
        meter: {{profile: eastron-sdm630, unit: 5}}
"""
    )
    process = processes.start(
        binary("mdc-sim"), "--site", site, "--hardware", ROOT / "Hardware", "--run-dir", tmp_path / "run", stdin=subprocess.DEVNULL
    )
    eventually(lambda: "ready" in pathlib.Path(process.log).read_text(), what="the simulator")
    return port


def test_mbpoll_reads_what_our_simulator_serves(simulator):
    try:
        done = subprocess.run(
            ["mbpoll", "-m", "tcp", "-a", "5", "-p", str(simulator), "-t", "3:float", "-B", "-r", "1", "-c", "3", "-1", "127.0.0.1"],
            capture_output=True, text=True, timeout=20,
        )
    except FileNotFoundError:
        pytest.skip("mbpoll is not installed")
    volts = [float(line.split(":")[1].strip()) for line in done.stdout.splitlines() if line.startswith("[")]
    assert len(volts) == 3, done.stdout + done.stderr
    ours = run("modbus", "read", f"127.0.0.1:{simulator}", "input:0", "--type", "f32", "--count", "6", "--id", "5").stdout
    mine = [float(line.split("\t")[1]) for line in ours.splitlines()]
    for a, b in zip(volts, mine):
        assert abs(a - b) < 20 and 150 < a < 300, (volts, mine)


def test_a_point_is_read_by_its_name_and_a_mistyped_one_is_helped(simulator, tmp_path):
    site = ["--site", tmp_path / "site.yaml", "--run-dir", tmp_path / "run"]
    answer = json.loads(run("modbus", "read", "meter", "l1.voltage", "--json", *site).stdout)
    assert 150 < answer["value"] < 300 and answer["unit"] == "V" and answer["quality"] == "good"
    assert answer["point"] == "meter.l1.voltage" and len(answer["values"]) == 2
    assert "l1.voltage" in run("modbus", "read", "meter", "l1.voltag", *site, code=64).stderr
    assert "meter" in run("modbus", "read", "metre", "l1.voltage", *site, code=64).stderr
    assert "20 to 30000" in run("modbus", "read", "meter", "l1.voltage", "--timeout", "abc", *site, code=64).stderr
    found = json.loads(run("modbus", "scan", "meter", "--ids", "4-6", "--json", *site).stdout)
    assert [unit["id"] for unit in found["units"]] == [5]
