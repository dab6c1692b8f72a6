"""Redfish as management software meets it: DMTF's validator, its library and its tool, curl, and a receiver of
events that is not always there."""
import base64
import contextlib
import http.client
import http.server
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import pytest

from conftest import ROOT, binary, eventually, free_port

PASSWORD = "correct-horse"


class Service:
    """An agent with a TLS address, three users, and machines that nobody plays: a tree with something in it."""

    def __init__(self, processes, folder):
        self.processes, self.folder, self.port, self.plain = processes, folder, free_port(), free_port()
        users = folder / "users"
        for name, level in [("kim", "engineer"), ("lee", "technician"), ("park", "viewer")]:
            subprocess.run(
                [binary("mdc-agent"), "user", "set", name, "--authority", level, "--file", users],
                input=PASSWORD + "\n", text=True, check=True, timeout=30, stdout=subprocess.DEVNULL,
            )
        self.site = folder / "site.yaml"
        silent = free_port()
        self.site.write_text(
            f"""site: testbed
title: Test container
journal: {{folder: {folder}/state}}
status:
  listen: ["127.0.0.1:{self.plain}"]
  secure: {{listen: ["127.0.0.1:{self.port}"], users: {users}}}
modbus:
  buses:
    power:
      tcp: 127.0.0.1:{silent}
      units:
        ups1: {{profile: apc-smart-ups}}
        ats1: {{profile: asco-group-g, unit: 2}}
        pdu-a: {{profile: xerus-pdu, unit: 3}}
        cdu1: {{profile: meta-orv3-rpu, unit: 4}}
        climate: {{profile: xy-md02, unit: 5}}
"""
        )
        (folder / "run").mkdir(exist_ok=True)
        self.start()

    def start(self):
        env = {"RUN_DIR": str(self.folder / "run"), "MDC_HARDWARE": str(ROOT / "Hardware")}
        self.process = self.processes.start(binary("mdc-agent"), "run", "--site", self.site, env=env)
        eventually(lambda: "\nready\n" in open(self.process.log).read(), what="ready")
        self.certificate = self.folder / "state" / "tls-certificate.pem"

    def restart(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0
        self.start()

    def ask(self, path, *more, user="kim", method="GET", body=None):
        command = ["curl", "-sS", "--max-time", "20", "--cacert", self.certificate, "-X", method, "-i", *more]
        if user:
            command += ["-u", f"{user}:{PASSWORD}"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "-d", body if isinstance(body, str) else json.dumps(body)]
        for _ in range(30):
            result = subprocess.run([*map(str, command), f"https://127.0.0.1:{self.port}{path}"], capture_output=True, timeout=40)
            # Who asks, or shows passwords, faster than one address may is told to wait a moment, and waits.
            wait = re.search(rb"^HTTP/[\d.]+ 429 .*?^retry-after: ([1-4])\r$", result.stdout, re.S | re.M | re.I)
            if wait is None:
                break
            time.sleep(int(wait[1]))
        assert result.returncode == 0, result.stderr
        head, _, content = result.stdout.decode().partition("\r\n\r\n")
        fields = dict(re.findall(r"(?m)^([A-Za-z-]+): (.*?)\r?$", head))
        return int(head.split()[1]), {k.lower(): v for k, v in fields.items()}, json.loads(content) if content.strip() else None


@pytest.fixture
def service(processes, tmp_path):
    return Service(processes, tmp_path)


class Receiver:
    """Takes what is posted to it and answers `status`."""

    def __init__(self, port=0):
        self.got, self.seen, self.status = [], [], 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if receiver.status == 200:
                    receiver.got.append(document)
                    receiver.seen.append(dict(self.headers))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def messages(self):
        return [record["Message"] for document in self.got for record in document["Events"]]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_the_validator_finds_nothing(service, shared, tmp_path):
    schemas = shared / "reference" / "redfish" / "SchemaFiles"
    program = ROOT / ".deps" / "venv" / "bin" / "rf_service_validator"
    if not schemas.is_dir() or not program.exists():
        pytest.skip("DMTF's schema bundle or its validator is absent")
    receiver = Receiver()
    with contextlib.closing(receiver):
        made = service.ask(
            "/redfish/v1/EventService/Subscriptions", method="POST",
            body={
                "Destination": f"http://127.0.0.1:{receiver.port}/", "Protocol": "Redfish", "Context": "validator",
                "RegistryPrefixes": ["MDC"], "ExcludeMessageIds": ["MDC.AlarmShelved"], "ResourceTypes": ["Chassis", "Sensor"],
                "Severities": ["OK", "Critical"], "OriginResources": [{"@odata.id": "/redfish/v1/Chassis"}],
                "SubordinateResources": True,
            },
        )
        assert made[0] == 201
        result = subprocess.run(
            [program, "-r", f"https://127.0.0.1:{service.port}", "-u", "kim", "-p", PASSWORD, "--authtype", "Basic",
             "--skipschema", "--schema_directory", schemas, "--logdir", tmp_path / "logs"],
            capture_output=True, text=True, timeout=280,
        )
    report = result.stdout + result.stderr
    assert result.returncode == 0, report[-3000:]
    # The table at its end: PASS, WARN, FAIL, NOT TESTED.
    passed, warned, failed, _ = map(int, re.findall(r"(?m)^\W*" + r"(\d+)\W+" * 4 + "$", report)[-1])
    assert passed > 300 and warned == 0 and failed == 0, report[-3000:]


def test_the_redfish_library_logs_in_reads_and_logs_out(service):
    redfish = pytest.importorskip("redfish")
    client = redfish.redfish_client(
        base_url=f"https://127.0.0.1:{service.port}", username="lee", password=PASSWORD, cafile=str(service.certificate), timeout=20
    )
    client.login(auth="session")
    try:
        chassis = client.get("/redfish/v1/Chassis/testbed").dict
        assert chassis["ChassisType"] == "Module"
        sessions = client.get("/redfish/v1/SessionService/Sessions").dict
        assert sessions["Members@odata.count"] == 1
        for link in ["Sensors", "EnvironmentMetrics", "PowerSubsystem"]:
            assert client.get(chassis[link]["@odata.id"]).status == 200
        report = client.get("/redfish/v1/TelemetryService/MetricReports/Sensors").dict
        assert isinstance(report["MetricValues"], list)
    finally:
        client.logout()
    assert service.ask("/redfish/v1/SessionService/Sessions")[2]["Members@odata.count"] == 0


def test_redfishtool_reads_what_it_knows(service):
    program = ROOT / ".deps" / "venv" / "bin" / "redfishtool"
    if not program.exists():
        pytest.skip("redfishtool is absent")

    def tool(*words):
        result = subprocess.run(
            [program, "-r", f"127.0.0.1:{service.port}", "-u", "kim", "-p", PASSWORD, "-S", "Always", "-A", "Basic", *words],
            capture_output=True, text=True, timeout=60,
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    assert tool("root")["RedfishVersion"]
    assert tool("Chassis", "-I", "testbed", "get")["Id"] == "testbed"
    assert tool("Managers", "-F", "Logs", "list") is not None
    assert tool("AccountService", "Accounts")["Members@odata.count"] == 3


def test_only_the_root_is_open_to_strangers(service):
    assert service.ask("/redfish", user=None)[0] == 200
    assert service.ask("/redfish/v1/", user=None)[0] == 200
    status, fields, document = service.ask("/redfish/v1/Chassis", user=None)
    assert status == 401 and "Basic" in fields["www-authenticate"]
    assert "NoValidSession" in document["error"]["code"]
    for path in ["/redfish/v1/Chassis/../AccountService", "/redfish/v1/%2e%2e/x", "/redfish/v1//Chassis//none", "/redfish/v2"]:
        assert service.ask(path, "--path-as-is", user="kim")[0] in (400, 404)
    assert service.ask("/redfish/v1/Chassis?$expand=.")[0] == 501
    assert service.ask("/redfish/v1/Chassis?friendly=yes")[0] == 200


def wish(**more):
    return {"Destination": "http://127.0.0.1:9/", "Protocol": "Redfish", **more}


@pytest.mark.parametrize(
    "method, path, body, status",
    [
        ("DELETE", "/redfish/v1/Chassis/testbed", None, 405),
        ("PATCH", "/redfish/v1/Chassis/testbed", {"Name": "x"}, 405),
        ("POST", "/redfish/v1/EventService/Subscriptions", "{not json", 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", {}, 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", {"Destination": "file:///etc/passwd", "Protocol": "Redfish"}, 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", {"Destination": "http://a/\r\nX: y", "Protocol": "Redfish"}, 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", {"Destination": "http://a/", "Protocol": "SMTP"}, 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", wish(RegistryPrefixes=["Base"]), 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", wish(MessageIds=["MDC.AlarmRaise"]), 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", wish(MessageIds="MDC.Test"), 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", wish(ResourceTypes=["Drive"]), 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", wish(Severities=[None]), 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", wish(OriginResources=[{"@odata.id": "/redfish/v1/none"}]), 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", wish(SubordinateResources="yes"), 400),
        ("POST", "/redfish/v1/EventService/Subscriptions", wish(EventTypes=["StatusChange"]), 400),
        ("DELETE", "/redfish/v1/EventService/Subscriptions/none", None, 404),
        ("PATCH", "/redfish/v1/AccountService/Accounts/none", {"RoleId": "ReadOnly"}, 404),
        ("PATCH", "/redfish/v1/AccountService/Accounts/park", {"RoleId": "God"}, 400),
        ("PATCH", "/redfish/v1/AccountService/Accounts/park", {"Id": "x"}, 400),
        ("POST", "/redfish/v1/AccountService/Accounts", {"UserName": "kim", "Password": PASSWORD, "RoleId": "ReadOnly"}, 409),
        ("POST", "/redfish/v1/nothing", {}, 404),
    ],
)
def test_what_cannot_be_done_is_refused_in_redfish_words(service, method, path, body, status):
    got, fields, document = service.ask(path, method=method, body=body)
    assert got == status
    assert document["error"]["@Message.ExtendedInfo"][0]["MessageId"].startswith("Base.")
    if status == 405:
        assert "GET" in fields["allow"]


def test_a_role_does_what_it_may_and_no_more(service):
    new = {"UserName": "choi", "Password": PASSWORD, "RoleId": "Operator"}
    accounts = "/redfish/v1/AccountService/Accounts"
    assert service.ask(accounts, user="lee", method="POST", body=new)[0] == 403
    assert service.ask(accounts, method="POST", body=new)[0] == 201
    assert service.ask("/redfish/v1/Chassis", user="choi")[0] == 200
    # A page of another origin may send a form, never JSON.
    form = service.ask(accounts, "-H", "Content-Type: text/plain", "-d", json.dumps(new), method="POST")
    assert form[0] == 415
    _, fields, account = service.ask(accounts + "/choi")
    assert fields["etag"] == account["@odata.etag"] and account["Password"] is None
    change = {"RoleId": "ReadOnly"}
    assert service.ask(accounts + "/choi", "-H", 'If-Match: "other"', method="PATCH", body=change)[0] == 412
    assert service.ask(accounts + "/choi", "-H", f"If-Match: {fields['etag']}", method="PATCH", body=change)[2]["RoleId"] == "ReadOnly"
    subscription = {"Destination": "http://127.0.0.1:9/", "Protocol": "Redfish"}
    assert service.ask("/redfish/v1/EventService/Subscriptions", user="choi", method="POST", body=subscription)[0] == 403
    # Oneself may change one's own password, nobody else's.
    assert service.ask(accounts + "/choi", user="choi", method="PATCH", body={"Password": "another-horse"})[0] == 200
    assert service.ask("/redfish/v1/Chassis", user="choi")[0] == 401
    assert service.ask(accounts + "/lee", user="park", method="PATCH", body={"Password": "another-horse"})[0] == 403
    assert service.ask(accounts + "/kim", method="DELETE")[0] == 403
    assert service.ask(accounts + "/choi", method="DELETE")[0] == 204
    assert "choi" not in (service.folder / "users").read_text()


def test_subscribers_are_told_of_everything_through_restarts_of_both_sides(service):
    receiver = Receiver()
    subscriptions = "/redfish/v1/EventService/Subscriptions"
    wish = {
        "Destination": f"http://127.0.0.1:{receiver.port}/events", "Protocol": "Redfish", "Context": "mine",
        "HttpHeaders": [{"X-Key": "secret-7"}],
    }
    status, fields, made = service.ask(subscriptions, method="POST", body=wish, user="lee")
    assert status == 201 and fields["location"] == made["@odata.id"] and made["HttpHeaders"] == []
    test = "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent"
    assert service.ask(test, method="POST", body={"Message": "hello"})[0] == 204
    eventually(lambda: "hello" in receiver.messages, what="the test event")
    assert receiver.seen[0]["X-Key"] == "secret-7" and receiver.got[0]["Context"] == "mine"
    assert "secret-7" not in json.dumps(service.ask(made["@odata.id"])[2])
    # The receiver is away while the agent stops and starts: both are told when it is back.
    port = receiver.port
    receiver.close()
    service.restart()
    back = Receiver(port)
    with contextlib.closing(back):
        assert service.ask(made["@odata.id"])[2]["Context"] == "mine"
        eventually(lambda: any("started" in text for text in back.messages), seconds=60, what="the events of the restart")
        record = back.got[0]["Events"][0]
        assert record["MessageId"].startswith("MDC.1.0.") and record["EventType"] and record["MemberId"]
        _, fields, _ = service.ask(made["@odata.id"])
        assert service.ask(made["@odata.id"], "-H", 'If-Match: "x"', method="PATCH", body={"Context": "new"})[0] == 412
        assert service.ask(made["@odata.id"], method="PATCH", body={"Context": "new"})[2]["Context"] == "new"
        assert service.ask(made["@odata.id"], method="DELETE")[0] == 204
        assert service.ask(made["@odata.id"])[0] == 404


def test_a_subscriber_hears_what_he_asked_for_and_nothing_else(service):
    subscriptions = "/redfish/v1/EventService/Subscriptions"
    offers = service.ask("/redfish/v1/EventService")[2]
    assert "Battery" in offers["ResourceTypes"] and offers["RegistryPrefixes"] == ["MDC"] and offers["Severities"]
    receiver = Receiver()
    with contextlib.closing(receiver):
        filters = {
            "MessageIds": ["MDC.Test", "MDC.AgentStarted"], "Severities": ["OK", "Warning"], "ResourceTypes": ["Chassis", "Manager"],
            "OriginResources": [{"@odata.id": "/redfish/v1/Chassis"}, {"@odata.id": "/redfish/v1/Managers"}], "SubordinateResources": True,
        }
        made = service.ask(
            subscriptions, method="POST", body=wish(**filters) | {"Destination": f"http://127.0.0.1:{receiver.port}/"})[2]
        assert {name: made[name] for name in filters} == filters

        def submit(message, **more):
            test = "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent"
            assert service.ask(test, method="POST", body={"Message": message, **more})[0] == 204

        submit("of another kind", MessageId="MDC.1.0.AlarmRaised")
        submit("of another severity", Severity="Critical")
        submit("as asked for")
        eventually(lambda: "as asked for" in receiver.messages, what="the event that was asked for")
        assert not [message for message in receiver.messages if message.startswith("of another")]
        # The wish is kept over a restart, which is told of; what else happens meanwhile is not.
        service.restart()
        submit("once more")
        eventually(lambda: "once more" in receiver.messages, seconds=60, what="the test event after the restart")
        eventually(lambda: any("started" in text for text in receiver.messages), seconds=60, what="the event of the restart")
        records = [record for document in receiver.got for record in document["Events"]]
        assert {record["MessageId"] for record in records} == {"MDC.1.0.Test", "MDC.1.0.AgentStarted"}
        assert {record["OriginOfCondition"]["@odata.id"] for record in records} == {
            "/redfish/v1/Chassis/testbed", "/redfish/v1/Managers/mdc-agent"}


def test_a_stream_is_a_subscription_while_it_is_open(service):
    context = ssl.create_default_context(cafile=str(service.certificate))
    connection = http.client.HTTPSConnection("127.0.0.1", service.port, timeout=30, context=context)
    with contextlib.closing(connection):
        word = base64.b64encode(f"kim:{PASSWORD}".encode()).decode()
        connection.request(
            "GET", "/redfish/v1/EventService/SSE", headers={"Accept": "text/event-stream", "Authorization": "Basic " + word}
        )
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader("Content-Type") == "text/event-stream"
        listed = "/redfish/v1/EventService/Subscriptions"
        eventually(lambda: service.ask(listed)[2]["Members@odata.count"] == 1, what="the subscription")
        one = service.ask(service.ask(listed)[2]["Members"][0]["@odata.id"])[2]
        assert one["SubscriptionType"] == "SSE" and one["Destination"].startswith("redfish-sse://127.0.0.1:")
        test = "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent"
        assert service.ask(test, method="POST", body={"Message": "over the stream"})[0] == 204
        while True:
            line = answer.fp.readline().decode()
            assert line, "the stream has ended"
            if line.startswith("data:") and "over the stream" in line:
                break
        assert json.loads(line[5:])["Events"][0]["MessageId"]
    eventually(lambda: service.ask(listed)[2]["Members@odata.count"] == 0, what="the end of the subscription")


def test_too_many_wrong_passwords_lock_the_address_out_and_the_socket_stays_open(service):
    def try_wrong():
        # At most two checks a second are made; five failures lock the address out for half a minute.
        status, fields, _ = service.ask("/v1/status", "-u", "kim:wrong", user=None)
        assert status in (401, 429)
        return status == 429 and int(fields["retry-after"]) > 5

    eventually(try_wrong, what="the lock", seconds=60)
    assert service.ask("/v1/status")[0] == 429
    socket = service.folder / "run" / "agent.sock"
    here = subprocess.run(["curl", "-sS", "--unix-socket", socket, "http://a/v1/status"], capture_output=True, timeout=20)
    assert b"\"tls\":{\"sha256\"" in here.stdout


def test_a_stream_may_ask_for_part_of_the_events(service):
    context = ssl.create_default_context(cafile=str(service.certificate))
    word = base64.b64encode(f"kim:{PASSWORD}".encode()).decode()
    asked = urllib.parse.quote("(MessageId eq 'MDC.Test') and (OriginResource eq '/redfish/v1/Chassis/testbed')", safe="/'")
    connection = http.client.HTTPSConnection("127.0.0.1", service.port, timeout=30, context=context)
    with contextlib.closing(connection):
        connection.request("GET", "/redfish/v1/EventService/SSE?$filter=" + asked, headers={"Authorization": "Basic " + word})
        answer = connection.getresponse()
        assert answer.status == 200
        test = "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent"
        assert service.ask(test, method="POST", body={"Message": "other", "MessageId": "MDC.1.0.AlarmRaised"})[0] == 204
        assert service.ask(test, method="POST", body={"Message": "mine"})[0] == 204
        line = ""
        while not line.startswith("data:"):
            line = answer.fp.readline().decode()
            assert line, "the stream has ended"
        assert json.loads(line[5:])["Events"][0]["Message"] == "mine"
    for wrong in ["%ZZ", "MessageId+ne+'x'", "MessageId%20eq%20'MDC.Never'", "", "Severity%20eq%20OK"]:
        assert service.ask("/redfish/v1/EventService/SSE?$filter=" + wrong)[0] == 501


def test_who_speaks_no_tls_or_never_ends_his_handshake_is_let_go_and_keeps_nobody_out(service):
    openings = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x80" * 500]
    strangers = []
    for number in range(60):
        one = socket.create_connection(("127.0.0.1", service.port), timeout=60)
        one.sendall(openings[number % 4])
        strangers.append(one)
    assert service.ask("/redfish/v1/Chassis")[0] == 200
    for one in strangers:
        with contextlib.suppress(ConnectionError):
            # An alert in plain text may come first; never an answer.
            while said := one.recv(4096):
                assert b"HTTP/1.1 2" not in said
        one.close()
    assert service.ask("/redfish/v1/Chassis")[0] == 200


def test_the_fingerprint_is_what_openssl_says(service):
    said = subprocess.run(
        ["openssl", "x509", "-in", service.certificate, "-noout", "-fingerprint", "-sha256"], capture_output=True, text=True, timeout=30
    ).stdout.strip().split("=")[1]
    env = {"RUN_DIR": str(service.folder / "run"), "MDC_SITE": str(service.site), "MDC_HARDWARE": str(ROOT / "Hardware")}
    for more in [[], ["--socket", "/nonexistent"]]:
        told = subprocess.run(
            [binary("mdc-agent"), "fingerprint", "--json", *more], capture_output=True, text=True, timeout=30, env=env
        )
        assert json.loads(told.stdout)["sha256"] == said


def test_a_new_certificate_is_taken_without_a_restart(service):
    before = service.certificate.read_text()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", "/CN=new", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", service.folder / "state" / "tls-key.pem",
         "-out", service.certificate], check=True, capture_output=True, timeout=30,
    )
    assert service.certificate.read_text() != before
    service.process.send_signal(signal.SIGHUP)
    eventually(lambda: curl_ok(service), what="the new certificate")
    assert service.process.poll() is None


def curl_ok(service):
    result = subprocess.run(
        ["curl", "-sS", "--cacert", service.certificate, f"https://127.0.0.1:{service.port}/healthz"], capture_output=True, timeout=20
    )
    return result.returncode == 0


def test_a_client_certificate_is_a_name(service, tmp_path):
    """An authority of our own signs a client; its common name is a user's, who then needs no password."""
    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30, cwd=tmp_path)

    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *new, "-days", "30", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *new, "-subj", "/CN=lee", "-keyout", "lee.key", "-out", "lee.csr")
    openssl("x509", "-req", "-in", "lee.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out", "lee.pem")
    service.site.write_text(service.site.read_text().replace("users:", f"client-authorities: {tmp_path}/ca.pem, users:"))
    service.restart()
    mine = ["--cert", tmp_path / "lee.pem", "--key", tmp_path / "lee.key"]
    assert service.ask("/redfish/v1/Chassis", *mine, user=None)[0] == 200
    test = "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent"
    assert service.ask(test, *mine, user=None, method="POST", body={})[0] == 204
    assert service.ask("/redfish/v1/AccountService/Accounts/park", *mine, user=None, method="DELETE")[0] == 403
