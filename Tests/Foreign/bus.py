"""What tests of the bus need: brokers from Debian on loopback, a cable that can be cut, containers with a
real agent, and somebody who listens and keeps everything."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

from conftest import ROOT, UnixHTTPConnection, binary, eventually, free_port, get_json

mqtt = pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")

EXAMPLES = ROOT / "Units" / "examples"

# Minutes: by hand (make soak), not in every run.
by_hand = pytest.mark.skipif(not os.environ.get("MDC_FLEET"), reason="runs by hand: make soak, or MDC_FLEET=1")


def program(name):
    path = shutil.which(name, path="/usr/sbin:/usr/bin")
    if not path:
        pytest.skip(f"{name} is not installed")
    return path


def listens(port, address="127.0.0.1"):
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


class Listener:
    """Somebody who keeps everything that is told, as dsx-validate reads it, over every break."""

    def __init__(self, port, name="listener", topics=("BMS/#", "mdc/#", "grid/#")):
        self.messages, self.lock, self.is_subscribed = [], threading.Lock(), threading.Event()
        try:
            self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        except AttributeError:
            self.client = mqtt.Client(client_id=name, clean_session=False)
        self.client.on_connect = lambda client, *_: client.subscribe([(topic, 2) for topic in topics])
        self.client.on_subscribe = lambda *_: self.is_subscribed.set()
        self.client.on_message = self.keep
        self.client.reconnect_delay_set(1, 2)
        eventually(lambda: self.connect(port), seconds=60, what="the broker")
        self.client.loop_start()
        # Only from the broker's answer on is anything kept for us.
        assert self.is_subscribed.wait(60), "no subscription"

    def connect(self, port):
        try:
            return self.client.connect("127.0.0.1", port, keepalive=10) == 0
        except OSError:
            return False

    def keep(self, _client, _data, message):
        with self.lock:
            self.messages.append(
                {
                    "topic": message.topic,
                    "payload": message.payload.decode(),
                    "retain": bool(message.retain),
                    "qos": message.qos,
                    "t": time.time(),
                }
            )

    def on(self, part):
        with self.lock:
            return [m for m in self.messages if part in m["topic"]]

    def events(self, site="testbed"):
        return [json.loads(m["payload"]) for m in self.on(f"mdc/v1/{site}/events")]

    def known(self, site="testbed"):
        """What a consumer has left when it drops repetitions by id: number by id."""
        return {event["id"]: event["sequence"] for event in self.events(site)}

    def values(self):
        """The newest value on each topic, which is all that a consumer of the bus keeps."""
        return {m["topic"]: m["payload"] for m in self.on("/Value/")}

    def send(self, topic, payload, qos=1, retain=False):
        self.client.publish(topic, payload if isinstance(payload, str) else json.dumps(payload), qos, retain)

    def close(self):
        self.client.loop_stop()
        self.client.disconnect()


class Broker:
    """mosquitto or nats-server with JetStream, killed and started again on the same port and folder."""

    def __init__(self, processes, folder, kind="mosquitto", extra=""):
        self.processes, self.kind, self.port = processes, kind, free_port()
        self.folder = pathlib.Path(folder) / f"{kind}-{self.port}"
        self.folder.mkdir(parents=True)
        self.config = self.folder / "broker.conf"
        self.program = program("mosquitto" if kind == "mosquitto" else "nats-server")
        if kind == "mosquitto":
            self.config.write_text(
                f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
                f"persistence true\npersistence_location {self.folder}/\nuser root\n{extra}\n"
            )
        else:
            self.config.write_text(
                f'listen: "127.0.0.1:-1"\nserver_name: test\njetstream {{ store_dir: "{self.folder}/js" }}\n'
                f'mqtt {{ listen: "127.0.0.1:{self.port}" }}\n{extra}\n'
            )
        self.process = None

    def start(self, wait=True):
        self.process = self.processes.start(self.program, "-c", self.config)
        if wait:
            eventually(lambda: listens(self.port), what=f"{self.kind} on its port")
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()


class Cable:
    """A link that can be cut: a relay that drops what it carries and lets nobody in until it is mended."""

    def __init__(self, target):
        self.target, self.port, self.ends, self.lock = target, free_port(), [], threading.Lock()
        self.server = None
        self.mend()

    def mend(self):
        self.server = socket.socket()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.bind(("127.0.0.1", self.port))
        self.server.listen()
        threading.Thread(target=self.accept, args=(self.server,), daemon=True).start()

    def accept(self, server):
        while True:
            try:
                near, _ = server.accept()
                far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
                far.settimeout(None)
            except OSError:
                if server is not self.server:
                    return
                continue
            with self.lock:
                self.ends += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

    @staticmethod
    def carry(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        server, self.server = self.server, None
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        with self.lock:
            for end in self.ends:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.ends = []


class Container:
    """One container, with brokers as ports or as the site file has them: its site file, its folder, its agent, and what its journal says happened."""

    def __init__(self, processes, folder, name, brokers, extra="", upstream=""):
        self.processes, self.name = processes, name
        self.folder = pathlib.Path(folder) / name
        (self.folder / "run").mkdir(parents=True)
        self.run = self.folder / "run"
        self.site = self.folder / "site.yaml"
        listed = ", ".join(b if isinstance(b, str) else f"{{host: 127.0.0.1, port: {b}}}" for b in brokers)
        self.site.write_text(
            f"site: {name}\njournal:\n  folder: {self.folder}/state\nstatus:\n  listen: [\"127.0.0.1:0\"]\n"
            f"upstream:\n  brokers: [{listed}]\n"
            + ("  agent-check: {enabled: false}\n" if "agent-check" not in upstream else "")
            + ("  publish: {values: 5s, metadata: 5s, heartbeat: 1s}\n" if "publish" not in upstream else "")
            + upstream + extra
        )
        self.agent = None

    def start(self, wait=True):
        self.agent = self.processes.start(
            binary("mdc-agent"), "run", "--site", self.site,
            env={"RUN_DIR": str(self.run), "MDC_HARDWARE": str(ROOT / "Hardware")},
        )
        if wait:
            eventually(
                lambda: "ready\n" in open(self.agent.log).read() or self.agent.poll() is not None, seconds=60, what="ready")
            assert self.agent.poll() is None, open(self.agent.log).read()
        return self

    def kill(self):
        self.agent.kill()
        self.agent.wait()

    def upstream(self):
        try:
            return get_json(self.run / "agent.sock", "/v1/status")[1].get("upstream", {})
        except (OSError, ValueError):
            return {}

    def has_told_all(self):
        status = self.upstream()
        return status.get("connected") and status.get("behind") == 0

    def happen(self, count=1):
        """Things that happen: somebody acknowledges what is not there, which is refused and journalled."""
        done = 0
        for _ in range(count):
            connection = UnixHTTPConnection(str(self.run / "agent.sock"), timeout=2)
            try:
                connection.request("POST", "/v1/actions/acknowledge", '{"alarm": "nothing"}', {"Content-Type": "application/json"})
                connection.getresponse().read()
                done += 1
            except (OSError, http.client.HTTPException):  # it may be killed at any moment
                pass
            finally:
                connection.close()
        return done

    def journal(self):
        """Number by id, from the file itself."""
        with sqlite3.connect(f"file:{self.folder}/state/journal.sqlite?mode=ro", uri=True, timeout=10) as file:
            return {bytes(row[1])[:16].hex(): row[0] for row in file.execute("SELECT sequence, hash FROM events")}

    def command(self, *words):
        return subprocess.run(
            [binary("mdc-agent"), *map(str, words), "--run-dir", str(self.run)], capture_output=True, text=True, timeout=60,
            env=dict(os.environ, NO_COLOR="1"))


def stop(process):
    process.send_signal(signal.SIGSTOP)


def go_on(process):
    process.send_signal(signal.SIGCONT)
