"""The agent upstream, heard by foreign clients on the real mosquitto: contract, changes, replay, agent-check."""
import json
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

from conftest import ROOT, binary, eventually, free_port, get_json

mqtt = pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")
pytestmark = pytest.mark.skipif(
    not shutil.which("mosquitto", path="/usr/sbin:/usr/bin"), reason="mosquitto is not installed"
)


class Listener:
    """Somebody who keeps everything that is told, as dsx-validate reads it."""

    def __init__(self, port, name="listener", topics=("BMS/#", "mdc/#", "grid/#")):
        self.messages, self.lock = [], threading.Lock()
        try:
            self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        except AttributeError:
            self.client = mqtt.Client(client_id=name, clean_session=False)
        self.client.on_connect = lambda client, *_: client.subscribe([(topic, 2) for topic in topics])
        self.client.on_message = self.keep
        eventually(lambda: self.connect(port), what="the broker")
        self.client.loop_start()

    def connect(self, port):
        try:
            return self.client.connect("127.0.0.1", port) == 0
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

    def events(self):
        return [json.loads(m["payload"]) for m in self.on("mdc/v1/testbed/events")]

    def close(self):
        self.client.loop_stop()
        self.client.disconnect()


@pytest.fixture
def broker(processes, tmp_path):
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    processes.start(shutil.which("mosquitto", path="/usr/sbin:/usr/bin"), "-c", config)
    return port


def start(processes, tmp_path, port, extra=""):
    check = free_port()
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: testbed\n"
        f"journal:\n  folder: {tmp_path}/state\n"
        f"status:\n  listen: [\"127.0.0.1:{free_port()}\"]\n"
        "upstream:\n"
        f"  brokers: [{{host: 127.0.0.1, port: {port}}}]\n"
        f"  agent-check: {{port: {check}}}\n"
        "  publish: {values: 5s, metadata: 5s, heartbeat: 1s}\n" + extra
    )
    run = tmp_path / "run"
    run.mkdir(exist_ok=True)
    agent = processes.start(
        binary("mdc-agent"), "run", "--site", site, env={"RUN_DIR": str(run), "MDC_HARDWARE": str(ROOT / "Hardware")}
    )
    eventually(lambda: "ready\n" in open(agent.log).read() or agent.poll() is not None, what="ready")
    assert agent.poll() is None, open(agent.log).read()
    return agent, run, check


def upstream_of(run):
    return get_json(run / "agent.sock", "/v1/status")[1].get("upstream", {})


def test_events_arrive_as_cloudevents_and_are_replayed_under_the_same_ids(processes, tmp_path, broker):
    listener = Listener(broker)
    agent, run, _ = start(processes, tmp_path, broker)
    eventually(lambda: upstream_of(run).get("connected"), what="the connection")
    first = eventually(lambda: [e for e in listener.events() if e["data"]["kind"] == "agent.started"], what="a start")
    event = first[0]
    assert event["specversion"] == "1.0" and event["source"] == "//mdc/testbed" and event["sequence"] >= 1
    eventually(lambda: upstream_of(run).get("behind") == 0, what="every acknowledgement")
    answer = subprocess.run(
        [binary("mdc-agent"), "upstream", "replay", "--after", "0", "--run-dir", run], capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    eventually(lambda: len([e for e in listener.events() if e["id"] == event["id"]]) >= 2, what="the repetition")
    status = subprocess.run(
        [binary("mdc-agent"), "upstream", "status", "--json", "--run-dir", run], capture_output=True, text=True
    )
    assert status.returncode == 0 and json.loads(status.stdout)["connected"] is True
    listener.close()


def test_heartbeat_metadata_and_values_conform_to_the_contract(processes, tmp_path, broker, shared):
    listener = Listener(broker)
    start(processes, tmp_path, broker)
    eventually(lambda: len(listener.on("HeartbeatTimestampBms")) >= 4, what="heartbeats")
    late = Listener(broker, name="late")
    eventually(lambda: late.on("/Metadata/System/HeartbeatTimestampBms/"), what="retained metadata")
    assert late.on("/Metadata/System/HeartbeatTimestampBms/")[0]["retain"]
    capture = tmp_path / "capture.jsonl"
    capture.write_text("".join(json.dumps(m) + "\n" for m in listener.messages))
    result = subprocess.run(
        [sys.executable, shared / "tools" / "dsx-validate", capture, "--require-heartbeat"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    listener.close()
    late.close()


def test_an_end_without_farewell_is_told_by_the_last_will(processes, tmp_path, broker):
    listener = Listener(broker)
    agent, run, _ = start(processes, tmp_path, broker)
    eventually(lambda: listener.on("/Value/System/Available/"), what="being there")
    agent.kill()
    agent.wait()
    eventually(
        lambda: json.loads(listener.on("/Value/System/Available/")[-1]["payload"])["value"] == 0, what="the last will"
    )
    listener.close()


def test_a_restart_after_kill_9_loses_no_event(processes, tmp_path, broker):
    listener = Listener(broker)
    for _ in range(3):
        agent, run, _ = start(processes, tmp_path, broker)
        eventually(lambda: upstream_of(run).get("connected"), what="the connection")
        agent.kill()
        agent.wait()
    agent, run, _ = start(processes, tmp_path, broker)
    eventually(lambda: upstream_of(run).get("behind") == 0 and upstream_of(run).get("connected"), what="all told")
    known = {e["sequence"] for e in get_json(run / "agent.sock", "/v1/events?since=0&limit=500")[1]["events"]}
    assert len(known) >= 4
    eventually(lambda: known <= {e["sequence"] for e in listener.events()}, what="every event")
    listener.close()


def test_the_agent_check_answers_one_line(processes, tmp_path, broker):
    _, _, port = start(processes, tmp_path, broker)

    def line():
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            return connection.makefile().read()

    text = line()
    assert text.endswith("\n") and text.count("\n") == 1
    assert text.split()[0] in ("ready", "drain", "down")
