"""Many containers as one: the shipped fleet set-up with real agents on a real NATS cluster, and the shipped
haproxy.cfg with a real HAProxy in front of three serving containers. Only addresses are made loopback."""
import concurrent.futures
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import warnings

import pytest

from bus import EXAMPLES, Broker, Cable, Container, Listener, by_hand, go_on, listens, program, stop
from conftest import ROOT, binary, eventually, free_port


def shipped(name, folder, values, as_name=None):
    text = (EXAMPLES / name).read_text()
    # Longest first: "hub-1.example:7422" before "hub-1.example".
    for key in sorted(values, key=len, reverse=True):
        assert key in text, f"{name} no longer holds {key}"
        text = text.replace(key, str(values[key]))
    assert ".example" not in re.sub(r"#.*", "", text) or "hub-" not in name, text
    path = folder / (as_name or name.replace("/", "-"))
    path.write_text(text)
    return path


class Cluster:
    def __init__(self, processes, folder):
        self.processes, self.folder, self.nats = processes, folder, program("nats-server")
        self.mqtt = [free_port() for _ in range(3)]
        self.routes = [free_port() for _ in range(3)]
        self.leaves = free_port()
        self.servers = [None] * 3
        for index in range(3):
            self.start(index)
        for port in self.mqtt:
            eventually(lambda: listens(port), seconds=60, what="a hub")

    def start(self, index):
        values = {
            "HUB-NAME": f"hub-{index + 1}",
            "/var/lib/nats": f"{self.folder}/hub-{index + 1}",
            "0.0.0.0:4222": "127.0.0.1:-1",
            "0.0.0.0:6222": f"127.0.0.1:{self.routes[index]}",
            "0.0.0.0:7422": f"127.0.0.1:{self.leaves}" if index == 0 else "127.0.0.1:-1",
            "0.0.0.0:1883": f"127.0.0.1:{self.mqtt[index]}",
        }
        for other in range(3):
            values[f"hub-{other + 1}.example:6222"] = f"127.0.0.1:{self.routes[other]}"
        config = shipped("fleet/hub.conf", self.folder, values, f"hub-{index + 1}.conf")
        self.servers[index] = self.processes.start(self.nats, "-c", config)

    def kill(self, index):
        self.servers[index].kill()
        self.servers[index].wait()


@by_hand
def test_three_containers_a_server_killed_and_a_link_cut_nothing_is_lost_and_consumers_converge(processes, tmp_path):
    cluster = Cluster(processes, tmp_path)
    cable = Cable(cluster.leaves)
    leaf_port = free_port()
    leaf = shipped(
        "fleet/leaf.conf", tmp_path,
        {"SITE": "site-c", "hub-1.example:7422": f"127.0.0.1:{cable.port}", "0.0.0.0:1883": f"127.0.0.1:{leaf_port}",
         "127.0.0.1:4222": "127.0.0.1:-1"})
    processes.start(cluster.nats, "-c", leaf)
    one, two, three = cluster.mqtt
    containers = [
        Container(processes, tmp_path, "mdc-a", [one, two, three]),
        Container(processes, tmp_path, "mdc-b", [two, three, one]),
        Container(processes, tmp_path, "mdc-c", [leaf_port]),
    ]
    # Two consumers at different servers, one of which dies: both hear everything in the end.
    listeners = {name: Listener(port, name) for name, port in (("consumer-3", three), ("consumer-2", two))}
    for container in containers:
        container.start()
    for container in containers:
        eventually(lambda: container.upstream().get("connected"), seconds=90, what=f"{container.name}'s connection")

    def happen(count):
        for _ in range(count):
            for container in containers:
                assert container.happen() == 1
            time.sleep(0.01)

    happen(40)
    cluster.kill(1)
    happen(40)
    cable.cut()
    happen(40)
    # A cut link is no reason to lose the connection to the leaf; its events wait in the container.
    assert containers[2].agent.poll() is None
    cable.mend()
    cluster.start(1)
    happen(40)
    for container in containers:
        eventually(container.has_told_all, seconds=180, what=lambda: f"all of {container.name} told, {container.upstream()}")
    for container in containers:
        truth = container.journal()
        assert len(truth) > 160
        for name, listener in listeners.items():

            def missing():
                known = listener.known(container.name)
                return sorted(number for id, number in truth.items() if known.get(id) != number)

            try:
                # nats-server repeats what was under way after its ack_wait of 30 s.
                eventually(lambda: not missing(), seconds=90)
            except AssertionError:
                # nats-server 2.9.10 was seen to withhold from one consumer what it had acknowledged and told the other,
                # on a machine without time for its elections. Who counts misses it, and asks for it again.
                warnings.warn(f"nats-server withheld {missing()} of {container.name} from {name}", stacklevel=1)
                container.command("upstream", "replay", "--after", min(missing()) - 1)
                eventually(lambda: not missing(), seconds=90, what=lambda: f"{name}: {missing()} of {container.name}")
            told = listener.events(container.name)
            assert len({event["sequence"] for event in told}) == len({event["id"] for event in told})

    def converged():
        first, second = (listener.values() for listener in listeners.values())
        steady = [topic for topic in first if "Heartbeat" not in topic]
        sites = {topic.split("/")[6] for topic in steady}
        return len(sites) == 3 and all(
            json.loads(first[topic])["value"] == json.loads(second.get(topic, "{}")).get("value") for topic in steady)

    eventually(converged, seconds=60, what="the same values at both consumers")
    for listener in listeners.values():
        listener.close()


def test_with_the_shipped_certificates_only_our_containers_come_in(processes, tmp_path):
    """As the fleet's README has it: certificates made by the script, the tls line of hub.conf taken into use."""
    made = subprocess.run(
        [EXAMPLES / "fleet" / "certificates", tmp_path / "ca", "hub", "127.0.0.1,hub-1.example"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    subprocess.run([EXAMPLES / "fleet" / "certificates", tmp_path / "ca", "container", "seoul-1"], check=True)
    wrong = subprocess.run([EXAMPLES / "fleet" / "certificates", tmp_path / "ca", "hubs", "x"], capture_output=True, text=True)
    assert wrong.returncode == 64 and "neither hub nor container" in wrong.stderr
    port = free_port()
    text = (EXAMPLES / "fleet" / "hub.conf").read_text()
    # One server is enough to see who is let in.
    text = re.sub(r"cluster \{.*?\n\}\n", "", text, flags=re.S).replace("replicas: 3", "replicas: 1")
    text = text.replace("  # tls {", "  tls {").replace("HUB-NAME", "hub-1").replace("/var/lib/nats", f"{tmp_path}/nats")
    text = text.replace("/etc/nats/hub.pem", f"{tmp_path}/ca/127.0.0.1.pem").replace("/etc/nats/hub.key", f"{tmp_path}/ca/127.0.0.1.key")
    text = text.replace("/etc/nats/ca.pem", f"{tmp_path}/ca/ca.pem").replace("0.0.0.0:1883", f"127.0.0.1:{port}")
    text = text.replace("0.0.0.0:4222", "127.0.0.1:-1").replace("0.0.0.0:7422", "127.0.0.1:-1")
    (tmp_path / "hub.conf").write_text(text)
    processes.start(program("nats-server"), "-c", tmp_path / "hub.conf")
    eventually(lambda: listens(port), what="the hub")

    def broker(extra):
        return f"{{host: 127.0.0.1, port: {port}, tls: {{authority: {tmp_path}/ca/ca.pem{extra}}}}}"

    known = broker(f", certificate: {tmp_path}/ca/seoul-1.pem, key: {tmp_path}/ca/seoul-1.key")
    container = Container(processes, tmp_path, "seoul-1", [known]).start()
    eventually(container.has_told_all, seconds=60, what=lambda: f"the connection {container.upstream()}")
    stranger = Container(processes, tmp_path, "stranger", [broker("")]).start()
    eventually(lambda: stranger.upstream().get("error"), seconds=60, what="the refusal")
    assert not stranger.upstream()["connected"]


# ---- HAProxy ---------------------------------------------------------------------------------------


class HAProxy:
    """The shipped haproxy.cfg; containers are 127.0.0.11 to 13, so that every port is the same on each."""

    def __init__(self, processes, folder):
        self.front, self.inference, self.check = free_port(), free_port(), free_port()
        self.stats = folder / "stats"
        config = shipped(
            "haproxy.cfg", folder,
            {"192.0.2.": "127.0.0.", ":8000\n    default": f"127.0.0.1:{self.front}\n    default",
             "11:8000": f"11:{self.inference}", "12:8000": f"12:{self.inference}", "13:8000": f"13:{self.inference}",
             "agent-port 9751": f"agent-port {self.check}",
             "global\n    log stdout": f"global\n    stats socket {self.stats}\n    log stdout"})
        self.process = processes.start(program("haproxy"), "-db", "-f", config)
        eventually(lambda: listens(self.front) or self.process.poll() is not None, what="HAProxy")
        assert self.process.poll() is None, open(self.process.log).read()

    def servers(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.stats))
            client.sendall(b"show stat\n")
            text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        rows = [line.split(",") for line in text.splitlines()]
        keys = rows[0]
        return {row[1]: dict(zip(keys, row)) for row in rows[1:] if row[0] == "containers" and row[1].startswith("mdc-")}

    def infer(self, model="echo"):
        body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}]}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.front}/v2/models/{model}/infer", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)["outputs"][0]["data"]
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def crowd(self, count):
        """So many at once, each for a while: what each container got."""
        before = {name: int(row["stot"]) for name, row in self.servers().items()}
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            answers = list(pool.map(lambda _: self.infer("slow"), range(count)))
        assert answers == [(200, [1, 2, 3, 4])] * count, answers
        return {name: int(row["stot"]) - before[name] for name, row in self.servers().items()}


def test_the_shipped_haproxy_cfg_spreads_inference_by_posture_and_fails_safe(processes, tmp_path):
    tensors = "inputs: [{name: x, datatype: FP32, shape: [-1, 4]}]\noutputs: [{name: y, datatype: FP32, shape: [-1, 4]}]\n"
    for name, engine in (("echo", "identity"), ("slow", "delay\ndelay: 500ms\nqueue_size: 64")):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "model.yaml").write_text(f"engine: {engine}\nmax_batch_size: 8\n{tensors}")
    front = HAProxy(processes, tmp_path)
    # Postures on command: a container conserves or drains while its broker is away.
    brokers = {"mdc-02": Broker(processes, tmp_path), "mdc-03": Broker(processes, tmp_path)}
    containers = {}
    for index, posture in ((1, None), (2, "conserve"), (3, "drain")):
        name, address = f"mdc-0{index}", f"127.0.0.1{index}"
        extra = (
            f"inference:\n  listen: [\"{address}:{front.inference}\"]\n  socket: run:inference.sock\n  ring: run:ring.sock\n"
            f"  models: {tmp_path}/models\n  lanes: [{{name: lane0}}]\n")
        if posture:
            extra += (
                "control:\n  posture: {hold: 0s}\n  conditions:\n    cut-off:\n"
                f"      {{point: upstream.connected, is: [disconnected], severity: major, posture: {posture},\n"
                "       text: no broker}\n")
        container = Container(
            processes, tmp_path, name, [brokers[name].port] if posture else [], extra,
            f"  agent-check: {{address: {address}, port: {front.check}}}\n")
        container.start()
        container.serve = processes.start(
            binary("mdc-agent"), "serve", "--site", container.site,
            env={"RUN_DIR": str(container.run), "MDC_HARDWARE": str(ROOT / "Hardware")})
        containers[name] = container
    for name, container in containers.items():
        eventually(lambda: "ready\n" in open(container.serve.log).read(), seconds=60, what=f"{name} serves")

    def sees(name, status, weight=None):
        def check():
            row = front.servers()[name]
            return row["status"].split()[0] in status.split("|") and (weight is None or row["weight"] == str(weight))

        eventually(check, seconds=60, what=lambda: f"{name} {status} {weight or ''}: {front.servers()[name]}")

    # What the posture says: full weight, half of it, and none for new work.
    sees("mdc-01", "UP", 100)
    sees("mdc-02", "UP", 50)
    # Its readiness has the last word, and says no as well: what runs there may end, nothing new begins.
    sees("mdc-03", "DRAIN|DOWN")
    assert [front.infer() for _ in range(10)] == [(200, [1, 2, 3, 4])] * 10
    # Connections count by weight only where there are several: idle servers take turns.
    spread = front.crowd(30)
    assert spread["mdc-01"] > spread["mdc-02"] > 0 and spread["mdc-03"] == 0, spread
    # The causes end: all three take their share.
    for broker in brokers.values():
        broker.start()
    sees("mdc-02", "UP", 100)
    sees("mdc-03", "UP", 100)
    spread = front.crowd(30)
    assert min(spread.values()) >= 5, spread
    # Nobody decides any more in the second, whose serving plane lives on: no work goes there, none is lost.
    stop(containers["mdc-02"].agent)
    answers = []

    def down():
        answers.append(front.infer()[0])
        return front.servers()["mdc-02"]["status"].startswith("DOWN")

    eventually(down, seconds=60, what="the stale container down")
    assert set(answers) == {200}, answers
    go_on(containers["mdc-02"].agent)
    sees("mdc-02", "UP", 100)
    # The agent dies altogether: its check's port is dead too, and that alone would keep it up.
    containers["mdc-03"].kill()
    answers.clear()

    def gone():
        answers.append(front.infer()[0])
        return front.servers()["mdc-03"]["status"].startswith("DOWN")

    eventually(gone, seconds=60, what="the dead container down")
    assert set(answers) == {200}, answers


def test_the_examples_load_in_the_programs_they_are_for(tmp_path):
    """Unchanged: what is shipped is what the programs understand, names and all."""
    for name in ("fleet/hub.conf", "fleet/leaf.conf"):
        done = subprocess.run(
            [program("nats-server"), "-t", "-c", str(EXAMPLES / name)], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [program("haproxy"), "-c", "-f", str(EXAMPLES / "haproxy.cfg")], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
