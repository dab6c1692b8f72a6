"""What systems outside ask of a container, over the real mosquitto, down to the registers of a simulated
machine: an integration that moves a setpoint, and a grid that sends signed load targets (DSX Flex)."""
import base64
import datetime
import json
import subprocess
import sys
import time
import uuid

import pytest

from bus import Broker, Container, Listener
from conftest import ROOT, binary, eventually, free_port, get_json


@pytest.fixture
def broker(processes, tmp_path):
    return Broker(processes, tmp_path).start()


def machines(processes, tmp_path, units):
    """mdc-sim behind a bus of its own; the site file's section for it."""
    port = free_port()
    section = f"modbus:\n  intervals: {{fast: 200ms, normal: 500ms, slow: 5s}}\n  buses:\n    plant:\n      tcp: 127.0.0.1:{port}\n      units:\n{units}"
    site = tmp_path / "sim.yaml"
    site.write_text("site: plant\n" + section)
    run = tmp_path / "sim"
    sim = processes.start(
        binary("mdc-sim"), "--site", site, "--hardware", ROOT / "Hardware", "--run-dir", run, "--seed", "4",
        stdin=subprocess.DEVNULL)
    eventually(lambda: "\nready\n" in open(sim.log).read(), what="mdc-sim's ready")
    return section


def load(tmp_path, percent):
    """What the racks of the make-believe container do."""
    subprocess.run(
        [binary("mdc-sim"), "--run-dir", tmp_path / "sim", "tell", "load", str(percent)], check=True, timeout=20,
        capture_output=True)


def steady(container, name):
    """The point's value once it no longer moves by more than a hundredth in a second."""
    last = None
    for _ in range(120):
        one = point(container, name)
        if one and one["quality"] == "good":
            if last and abs(one["value"] - last) < last / 100:
                return one["value"]
            last = one["value"]
        time.sleep(1)
    raise AssertionError(f"{name} does not settle: {one}")


def point(container, name):
    for one in get_json(container.run / "agent.sock", "/v1/points")[1]["points"]:
        if one["name"] == name:
            return one
    return None


def reads(container, name, value):
    one = point(container, name)
    return one and one["quality"] == "good" and one["value"] == value


def journalled(container, kind):
    document = get_json(container.run / "agent.sock", "/v1/events?since=0&limit=500")[1]
    return [event for event in document["events"] if event["kind"] == kind]


def milliseconds():
    return int(time.time() * 1000)


def test_an_integration_moves_a_setpoint_within_its_fence_and_silence_takes_it_back(processes, tmp_path, broker):
    crac = "        crac1:\n          profile: liebert-icom\n          unit: 1\n          write:\n            setpoint.temperature: {min: 18, max: 30, every: 0s}\n"
    section = machines(processes, tmp_path, crac)
    upstream = (
        "  integrations:\n    - id: optimiser\n      heartbeat-timeout: 4s\n      points:\n"
        "        - {point: crac1.setpoint.temperature, minimum: 20, maximum: 28, safe: 24}\n")
    fence = (
        "control:\n  writable:\n    crac1.setpoint.temperature:\n"
        "      {minimum: 18, maximum: 27, interval: 0s, authority: upstream}\n")
    container = Container(processes, tmp_path, "testbed", [broker.port], section + fence, upstream).start()
    eventually(lambda: container.upstream().get("connected"), what="the connection")
    eventually(lambda: reads(container, "crac1.setpoint.temperature", 24), what="the setpoint as it was")
    integration = Listener(broker.port)
    # All that it knows is the metadata on the bus.
    offers = eventually(
        lambda: [m for m in integration.on("/Metadata/") if '"integration":"optimiser"' in m["payload"]
                 and "setpoint" in m["topic"]], what="the offer")
    topic = offers[0]["topic"].replace("/PUB/Metadata/", "/optimiser/Value/")
    heartbeat = [m["topic"] for m in integration.on("/Metadata/System/HeartbeatTimestampIntegration/")][0]

    def beat():
        integration.send(
            heartbeat.replace("/PUB/Metadata/", "/optimiser/Value/"),
            {"value": milliseconds(), "timestamp": milliseconds(), "quality": 1}, 0)

    def ask(value, **changes):
        beat()
        message = {"value": value, "timestamp": milliseconds(), "quality": 1, **changes}
        retain = message.pop("retain", False)
        integration.send(topic, message, retain=retain)

    def outcome(*parts):
        eventually(
            lambda: beat() or [m for m in integration.on("/outcomes") if all(part in m["payload"] for part in parts)],
            what=lambda: f"the outcome {parts}: {[m['payload'] for m in integration.on('/outcomes')]}")

    ask(26)
    outcome('"value":26', '"outcome":"confirmed"', '"actor":"upstream:optimiser"')
    eventually(lambda: reads(container, "crac1.setpoint.temperature", 26), what="26 C at the machine")
    ask(28)
    # Its own limits allow 28, the guard's fence does not: the guard has the last word.
    outcome('"value":28', '"outcome":"rejected"', "outside")
    ask(31)
    outcome("outside 20.0 to 28.0")
    eventually(lambda: reads(container, "crac1.setpoint.temperature", 24), what="back to safe after nonsense")
    ask(25, timestamp=milliseconds() - 3_600_000)
    outcome(" s from ours")
    ask(25)
    eventually(lambda: beat() or reads(container, "crac1.setpoint.temperature", 25), what="25 C at the machine")
    # Silence.
    eventually(lambda: reads(container, "crac1.setpoint.temperature", 24), seconds=30, what="back to safe in silence")
    # Killed while it holds a value: the next life takes it back when nobody is there to hold it.
    ask(26)
    eventually(lambda: beat() or reads(container, "crac1.setpoint.temperature", 26), what="26 C again")
    container.kill()
    container.start()
    eventually(lambda: reads(container, "crac1.setpoint.temperature", 24), seconds=40, what="back to safe after a restart")
    written = [event for event in journalled(container, "write.finished") if event["subject"] == "crac1.setpoint.temperature"]
    assert {event["actor"] for event in written} == {"upstream:optimiser"}
    assert any("is silent: back to safe" in event["text"] for event in journalled(container, "write.requested"))
    assert journalled(container, "command.refused")
    integration.close()


def test_a_point_that_no_fence_lets_through_is_found_by_check(tmp_path):
    site = tmp_path / "site.yaml"
    text = (
        "site: testbed\nmodbus:\n  buses:\n    b:\n      tcp: 127.0.0.1:1\n      units: {crac1: {profile: liebert-icom}}\n"
        "upstream:\n  brokers: [{host: 127.0.0.1}]\n  integrations:\n    - id: x\n      points:\n"
        "        - {point: crac1.setpoint.temperature, minimum: 20, maximum: 28, safe: 24}\n")

    def check():
        done = subprocess.run(
            [binary("mdc-agent"), "check", "--site", str(site), "--hardware", str(ROOT / "Hardware")],
            capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    site.write_text(text)
    code, said = check()
    assert code == 78 and "site.yaml:12:" in said and "control: writable:" in said, said
    fence = "control:\n  writable:\n    crac1.setpoint.temperature: {minimum: 20, maximum: 28"
    site.write_text(text + fence + "}\n")
    code, said = check()
    assert code == 78 and "authority: upstream" in said, said
    site.write_text(text + fence + ", authority: upstream}\n")
    assert "site.yaml:12" not in check()[1]


# ---- DSX Flex --------------------------------------------------------------------------------------


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Key:
    """A key pair of the openssl command, so that no code of ours signs what it verifies."""

    def __init__(self, folder, name, kind):
        self.name, self.kind, self.pem = name, kind, folder / f"{name}.pem"
        option = ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ES256" else ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        self.openssl("genpkey", "-algorithm", *option, "-out", self.pem)
        der = self.openssl("pkey", "-in", self.pem, "-pubout", "-outform", "DER")
        if kind == "ES256":
            self.jwk = {"kty": "EC", "crv": "P-256", "kid": name, "x": b64(der[-64:-32]), "y": b64(der[-32:])}
        else:
            self.jwk = {"kty": "RSA", "kid": name, "n": b64(der[-261:-5]), "e": "AQAB"}

    @staticmethod
    def openssl(*words, data=None):
        return subprocess.run(["openssl", *map(str, words)], input=data, capture_output=True, check=True, timeout=30).stdout

    def sign(self, data, alg=None, kid=None):
        text = b64(json.dumps({"alg": alg or self.kind, "kid": kid or self.name}).encode()) + "." + b64(json.dumps(data).encode())
        signature = self.openssl("dgst", "-sha256", "-sign", self.pem, data=text.encode())
        if self.kind == "ES256":
            numbers, rest = [], signature[2:]
            while rest:
                numbers.append(rest[2:2 + rest[1]].lstrip(b"\0").rjust(32, b"\0"))
                rest = rest[2 + rest[1]:]
            signature = b"".join(numbers)
        return text + "." + b64(signature)

    def verify(self, jws, folder):
        header, payload, signature = jws.split(".")
        assert json.loads(unb64(header)) == {"alg": self.kind, "kid": self.name}
        raw = unb64(signature)
        numbers = []
        for half in (raw[:32], raw[32:]):
            half = half.lstrip(b"\0")
            half = b"\0" + half if half[0] & 0x80 else half
            numbers.append(bytes([2, len(half)]) + half)
        body = b"".join(numbers)
        (folder / "sig").write_bytes(bytes([0x30, len(body)]) + body)
        public = folder / "public.pem"
        public.write_bytes(self.openssl("pkey", "-in", self.pem, "-pubout"))
        self.openssl("dgst", "-sha256", "-verify", public, "-signature", folder / "sig", data=f"{header}.{payload}".encode())
        return json.loads(unb64(payload))


TRACE = "0af7651916cd43dd8448eb211c80319c"


def at(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def envelope(data, caller="isv", name="acme", **changes):
    kind = "grid.loadtarget.set.v1" if caller == "isv" else "grid.powerbreach.enforcement.v1"
    return {
        "specversion": "1.0.2", "id": str(uuid.uuid4()), "source": f"//grid/v1/{caller}/{name}", "type": kind, "time": at(0),
        "datacontenttype": "application/json", "subject": "x", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
        "correlationid": str(uuid.uuid4()), "data": data, **changes}


def target(watts, start=None, end=None):
    interval = {}
    if start is not None:
        interval["start_time"] = at(start)
    if end is not None:
        interval["end_time"] = at(end)
    constraint = None if watts is None else {"value": watts / 1000, "unit": "kilowatt"}
    return {"targets": [{"interval": interval, "feed_tags": ["main"], "load_constraint": constraint, "strategy": {"best_effort": True}}]}


def test_signed_load_targets_are_ramped_measured_and_reported_and_every_refusal_says_why(processes, tmp_path, broker):
    section = machines(processes, tmp_path, "        meter-main: {profile: eastron-sdm630, unit: 1}\n")
    rsa, ec, infra, ours = (
        Key(tmp_path, "isv-rsa", "RS256"), Key(tmp_path, "isv-ec", "ES256"), Key(tmp_path, "infra-1", "ES256"),
        Key(tmp_path, "mdc-1", "ES256"))
    (tmp_path / "isv.json").write_text(json.dumps({"keys": [rsa.jwk, ec.jwk]}))
    (tmp_path / "infra.json").write_text(json.dumps({"keys": [infra.jwk]}))
    upstream = (
        f"  flex:\n    agent: testbed\n    key: {ours.pem}\n    key-id: mdc-1\n    status-every: 2s\n    callers:\n"
        f"      - {{name: acme, keys: {tmp_path}/isv.json}}\n"
        f"      - {{role: infra, name: dc, keys: {tmp_path}/infra.json}}\n")
    feeds = (
        "control:\n  feeds:\n    main: {meters: [meter-main.power], minimum: 1000, maximum: 63000, default: 55000,"
        " ramp-down: 20000, ramp-up: 20000, breach-after: 1s}\n")
    container = Container(processes, tmp_path, "testbed", [broker.port], section + feeds, upstream).start()
    eventually(lambda: container.upstream().get("connected"), what="the connection")
    load(tmp_path, 10)
    power = steady(container, "meter-main.power")
    grid = Listener(broker.port)
    topic, enforcement = "grid/v1/isv/acme/loadtarget/set", "grid/v1/infra/dc/powerbreach/enforcement"

    def states():
        return [ours.verify(json.loads(m["payload"])["data"], tmp_path)["feeds"]["main"] for m in grid.on("powerstate/status")]

    def breaches():
        return [ours.verify(json.loads(m["payload"])["data"], tmp_path) for m in grid.on("/powerbreach")
                if "enforcement" not in m["topic"]]

    eventually(lambda: any(state["event"] == "periodic" for state in states()), what="a periodic power state")
    # Scheduled, by RSA: announced as not active, then ramped.
    first = envelope(rsa.sign(target(power * 2, start=4, end=3600)))
    grid.send(topic, first)
    eventually(lambda: any(not t["active"] for s in states() for t in s["targets"]), what="the target before its time")

    def is_followed(state):
        return state["compliant"] and any(
            t["active"] and t["correlation_id"] == first["correlationid"] for t in state["targets"])

    # Only what came with the target counts: the way down to the default may have been a ramp of its own.
    eventually(
        lambda: is_followed(states()[-1]) and {"target_set", "start_ramp_down", "end_ramp_down"} <= {
            state["event"] for state in states() if state["targets"]}, seconds=40,
        what=lambda: f"the ramp: {[(state['event'], state['targets']) for state in states()]}")
    told = [json.loads(m["payload"]) for m in grid.on("powerstate/status")]
    followed = [e for e in told if e.get("correlationid") == first["correlationid"]]
    assert followed and all(e["traceparent"].split("-")[1] == TRACE for e in followed)
    assert all(e["traceparent"].split("-")[2] != "b7ad6b7169203331" for e in followed)
    # Over the target by ten percent, by the site's own meter; then by more; then the target goes.
    grid.send(topic, envelope(ec.sign(target(power / 1.1, end=3600))))
    eventually(lambda: breaches(), seconds=40, what="a breach")
    load(tmp_path, 100)
    eventually(lambda: breaches()[-1]["status"] == "escalated", seconds=60, what=lambda: f"its escalation: {breaches()}")
    alert = breaches()[-1]
    grid.send(enforcement, envelope(infra.sign(
        {"breach_id": alert["breach"]["breach_id"], "feed_tag": "main", "action": "applied", "code": "success", "results": [],
         "timestamp": at(0)}), "infra", "dc"), qos=2)
    grid.send(topic, envelope(ec.sign(target(None))))
    eventually(lambda: breaches()[-1]["status"] == "resolved", seconds=40, what="its end")
    eventually(lambda: any(state["event"] == "end_ramp_up" for state in states()), seconds=40, what="the way back up")
    alerts = breaches()
    assert [a["status"] for a in alerts] == ["active", "escalated", "resolved"]
    assert [a["severity"] for a in alerts][:2] == ["warning", "critical"]
    assert len({a["breach"]["breach_id"] for a in alerts}) == 1
    assert abs(alerts[0]["measured_load"]["value"] - power) < power * 0.2 and alerts[1]["infrastructure_actions"]
    eventually(lambda: any("enforcement applied" in e["text"] for e in journalled(container, "power.breach")), what="the outcome")

    # Every refusal says why, in the journal and in the status.
    good = target(power * 2, end=3600)
    stranger = Key(tmp_path, "stranger", "ES256")
    parts = ec.sign(good).split(".")
    sent = 0
    for message, why in (
        (envelope(good), "not signed"),
        (envelope(stranger.sign(good)), "unknown key 'stranger'"),
        (envelope(stranger.sign(good, kid="isv-ec")), "the signature is wrong"),
        (envelope(ec.sign(good, alg="HS256")), "is for ES256"),
        (envelope(f"{b64(b'{}')}.{parts[1]}.{parts[2]}"), "lacks 'alg' or 'kid'"),
        (envelope(first["data"]), "a replay"),
        (envelope(ec.sign(good), time=at(-4000)), "s from ours"),
        (envelope(ec.sign(target(1000, end=-5))), "interval ended"),
        (envelope(ec.sign({"targets": []})), "no targets"),
        (envelope(ec.sign(good), source="//grid/v1/isv/other"), "source"),
        ("{", "JSON"),
    ):
        grid.send(topic, message)
        sent += 1
        eventually(
            lambda: why in (container.upstream().get("last_refusal") or "") or (why == "JSON" and len(
                [e for e in journalled(container, "command.refused")]) >= sent),
            what=lambda: f"the refusal '{why}': {container.upstream().get('last_refusal')}")
        assert why == "JSON" or any(why in event["text"] for event in journalled(container, "command.refused"))
    # A command that the site cannot carry out is refused by Control, and that is said too.
    elsewhere = target(power, end=3600)
    elsewhere["targets"][0]["feed_tags"] = ["other"]
    grid.send(topic, envelope(ec.sign(elsewhere)))
    eventually(lambda: "no feed 'other'" in (container.upstream().get("last_refusal") or ""), what="Control's refusal")
    shown = container.command("upstream", "status")
    assert "no feed 'other'" in shown.stdout and shown.returncode == 0, shown.stdout + shown.stderr
    # A restart does not open the door to a replay.
    container.kill()
    container.start()
    eventually(lambda: container.upstream().get("connected"), what="the connection after a restart")
    grid.send(topic, envelope(first["data"]))
    eventually(lambda: "a replay" in (container.upstream().get("last_refusal") or ""), what="the replay's refusal")
    grid.close()
    if not (ROOT.parent / "shared").is_dir():
        return
    capture = tmp_path / "capture.jsonl"
    ours_only = [m for m in grid.messages if "/isv/" not in m["topic"] and "/infra/" not in m["topic"]]
    capture.write_text("".join(json.dumps(m) + "\n" for m in ours_only))
    validator = ROOT.parent / "shared" / "tools" / "dsx-validate"
    done = subprocess.run([sys.executable, validator, capture], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
