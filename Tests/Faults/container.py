"""A whole container for the faults to happen to: the demo's site on ports of its own, its machines by mdc-sim,
both planes, a broker. Everything is started by the id that ends it."""
import contextlib
import http.client
import importlib.util
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("foreign", ROOT / "Tests" / "Foreign" / "conftest.py")
foreign = importlib.util.module_from_spec(spec)
spec.loader.exec_module(foreign)
binary, eventually, get_json = foreign.binary, foreign.eventually, foreign.get_json

# A machine is silent after three missed rounds, an absence is a condition after two minutes at most; the
# rest is for a machine that others use too.
PATIENCE = 120


def free_port():
    """Below the range from which the kernel gives ports to whoever connects: a dozen of them stay free for seconds."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port


class Container:
    def __init__(self, folder, state=None):
        """`state`: another folder for the journal."""
        self.folder, self.run = folder, folder / "run"
        self.run.mkdir(parents=True)
        self.processes = foreign.Processes(folder)
        self.status_port, self.inference_port, self.broker_port = free_port(), free_port(), free_port()
        text = (ROOT / "Hardware/sites/demo.yaml").read_text()
        for port in sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", text))):
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port() if port != '8000' else self.inference_port}")
        if state:
            text = text.replace("folder: run:state", f"folder: {state}")
        text += f'status:\n  listen: ["127.0.0.1:{self.status_port}"]\n'
        if shutil.which("mosquitto"):
            text += f"upstream:\n  brokers: [{{host: 127.0.0.1, port: {self.broker_port}}}]\n"
        self.site = folder / "site.yaml"
        self.site.write_text(text)
        self.environment = {
            "RUN_DIR": str(self.run), "MDC_SITE": str(self.site), "MDC_HARDWARE": str(ROOT / "Hardware")}
        subprocess.run([sys.executable, ROOT / "Hardware/models/make", self.run / "models"], check=True)
        self.start_broker()
        self.start_sim()
        self.start_agent()
        self.start_inference()

    # ---- the programs

    def start(self, *command):
        process = self.processes.start(*command, env=self.environment, stdin=subprocess.DEVNULL)
        eventually(
            lambda: "ready\n" in open(process.log).read() or process.poll() is not None, PATIENCE, f"{command[0]} ready")
        assert process.poll() is None, open(process.log).read()
        return process

    def start_sim(self):
        self.sim = self.start(binary("mdc-sim"), "--run-dir", self.run)

    def start_agent(self):
        self.agent = self.start(binary("mdc-agent"), "run")

    def start_inference(self):
        self.inference = self.start(binary("mdc-agent"), "serve")

    def start_broker(self):
        if shutil.which("mosquitto") is None:
            self.broker = None
            return
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self.broker = self.processes.start(shutil.which("mosquitto"), "-c", configuration)
        eventually(lambda: can_connect(self.broker_port), PATIENCE, "the broker")

    def end(self):
        self.processes.end()

    # ---- what the world can do to it

    def tell(self, *words):
        done = subprocess.run([binary("mdc-sim"), "--run-dir", self.run, "tell", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def command(self, *words):
        return subprocess.run(
            [binary("mdc-agent"), *words], capture_output=True, text=True, timeout=120,
            env={**os.environ, **self.environment})

    def kill(self, process, by=signal.SIGKILL):
        process.send_signal(by)
        process.wait(20)

    @contextlib.contextmanager
    def frozen(self, *processes):
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    # ---- what can be seen of it

    def status(self):
        return get_json(self.run / "agent.sock", "/v1/status")[1]

    def posture(self):
        return self.status()["posture"]["state"]

    def alarms(self):
        """The names of what is active now, hidden consequences too."""
        return {alarm["id"] for alarm in get_json(self.run / "agent.sock", "/v1/alarms")[1]["alarms"] if alarm["active"]}

    def point(self, name):
        points = get_json(self.run / "agent.sock", "/v1/points")[1]["points"]
        return next(point for point in points if point["name"] == name)

    def units(self):
        return {unit["name"]: unit["state"] for bus in self.status()["buses"] for unit in bus["units"]}

    def cards(self):
        return {card["name"]: card["health"] for card in self.status()["accelerators"]}

    def infer(self, model="identity-3k"):
        """The HTTP status of one right request, and what was said."""
        body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 768], "data": [0.5] * 768}]})
        # Longer than a model's run_limit (30 s unless its file says otherwise): the plane gives up first.
        connection = http.client.HTTPConnection("127.0.0.1", self.inference_port, timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", f"/v2/models/{model}/infer", body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def events(self, since=0):
        return get_json(self.run / "agent.sock", f"/v1/events?since={since}&limit=1000")[1]["events"]

    def last_event(self):
        return self.status()["journal"]["sequence"]

    def descriptors(self, process):
        return len(os.listdir(f"/proc/{process.pid}/fd"))

    def resident_kilobytes(self, process):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{process.pid}/status").read())[1])

    def cpu_seconds(self, process):
        fields = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def eventually(self, check, what):
        return eventually(check, PATIENCE, what)

    # ---- what must hold before and after every fault

    def calm(self):
        """Everything healed, acknowledged, allowed: as before the fault, by itself."""
        self.tell("heal")
        self.eventually(lambda: set(self.units().values()) == {"online"}, "every machine online again")
        self.eventually(lambda: not self.alarms(), f"no alarm active: {self.alarms()}")
        self.command("alarms", "ack", "--all")
        self.eventually(lambda: self.posture() == "normal", f"a normal posture: {self.status()['posture']}")
        self.eventually(lambda: self.infer()[0] == 200, "inference served")

    def is_whole(self):
        """The record: nothing changed, nothing missing."""
        checked = self.command("events", "--verify")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert self.status()["journal"]["dropped"] == 0


def can_connect(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def hold(check, seconds):
    """`check` stays true all that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert check()
        time.sleep(0.1)
