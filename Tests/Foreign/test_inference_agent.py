"""The inference plane as systemd and a technician meet it: mdc-agent serve and mdc-agent infer."""
import array
import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess

import pytest

from conftest import ROOT, UnixHTTPConnection, binary, eventually

TENSORS = "inputs: [{name: x, datatype: FP32, shape: [-1, 4]}]\noutputs: [{name: y, datatype: FP32, shape: [-1, 4]}]\n"
BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]})


class Site:
    def __init__(self, folder, processes):
        self.folder, self.processes = folder, processes
        self.run = folder / "run"
        self.run.mkdir()
        self.models = folder / "models"
        self.model("echo", "engine: identity\n")
        self.model("slow", "engine: delay\ndelay: 500ms\nwarm_up_runs: 0\nmax_batch_size: 1\n")
        self.file = folder / "site.yaml"
        self.file.write_text(
            f"site: testbed\ninference:\n  listen: []\n  socket: run:inference.sock\n  ring: run:ring.sock\n  models: {self.models}\n"
            "  safe-posture: normal\n  pool:\n    classes: [{slot: 16k, count: 64}]\n")
        self.socket = self.run / "inference.sock"

    def model(self, name, text):
        (self.models / name).mkdir(parents=True)
        (self.models / name / "model.yaml").write_text(text + TENSORS)

    def serve(self, notify=None, passed=None, env=None):
        """`passed`: descriptors by name, as systemd hands them over."""
        env, keywords = dict(env or {}), {}
        command = [binary("mdc-agent"), "serve", "--site", self.file, "--hardware", ROOT / "Hardware", "--run-dir", self.run]
        if notify:
            env["NOTIFY_SOCKET"] = notify
        if passed:
            env["LISTEN_FDS"], env["LISTEN_FDNAMES"] = str(len(passed)), ":".join(passed)
            # Out of the way of 3, 4..., where they will be.
            away = [fcntl.fcntl(d, fcntl.F_DUPFD, 50) for d in passed.values()]
            wanted = tuple(range(3, 3 + len(away)))

            def place():
                for target, source in zip(wanted, away):
                    os.dup2(source, target)

            keywords = {"pass_fds": wanted, "preexec_fn": place}
            command = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *command]
        server = self.processes.start(*command, env=env, **keywords)
        if passed:
            for descriptor in away:
                os.close(descriptor)
        if not notify:
            eventually(lambda: "\nready\n" in open(server.log).read() or server.poll() is not None, what="ready")
        return server

    def infer(self, *words, socket_path=None, check=None):
        command = [binary("mdc-agent"), "infer", *words]
        command += ["--socket", str(socket_path)] if socket_path else ["--site", str(self.file), "--hardware", str(ROOT / "Hardware"), "--run-dir", str(self.run)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if check is not None:
            assert done.returncode == check, (done.returncode, done.stdout, done.stderr)
        return done

    def ask(self, model="echo"):
        connection = UnixHTTPConnection(str(self.socket), timeout=30)
        try:
            connection.request("POST", f"/v2/models/{model}/infer", BODY)
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture
def site(tmp_path, processes):
    return Site(tmp_path, processes)


def test_a_request_allocates_nothing(site, tmp_path):
    """Counted by a library that stands before malloc, in the server and in its lanes."""
    compiler = shutil.which("cc") or shutil.which("clang") or pytest.skip("no C compiler")
    counter = tmp_path / "counter.so"
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", counter, ROOT / "Tests" / "BenchPeers" / "count-mallocs.c"], check=True)
    site.serve(env={"LD_PRELOAD": str(counter), "MDC_MALLOC_COUNT": str(tmp_path / "mallocs")})

    def counted():
        return sum(struct.unpack("Q", file.read_bytes()[:8])[0] for file in tmp_path.glob("mallocs.*"))

    question = json.dumps({
        "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "parameters": {"binary_data_size": 16}}],
        "outputs": [{"name": "y", "parameters": {"binary_data": True}}]}).encode()
    tensor = struct.pack("4f", 1, 2, 3, 4)
    connection = UnixHTTPConnection(str(site.socket), timeout=30)

    def ask(times):
        for _ in range(times):
            connection.request(
                "POST", "/v2/models/echo/infer", question + tensor, {"Inference-Header-Content-Length": str(len(question))})
            response = connection.getresponse()
            assert response.status == 200 and response.read().endswith(tensor)

    try:
        ask(100)
        assert counted() > 100, "the counter is loaded"
        stretches = []
        for _ in range(300):
            before = counted()
            ask(5)
            stretches.append(counted() - before)
            # The models folder is read every two seconds and the posture ten times a second, whoever asks:
            # between two of these nothing may be left.
            if stretches[-1] == 0:
                break
        assert min(stretches) == 0, stretches
    finally:
        connection.close()


# The technician


def test_infer_models_shows_what_is_served_and_says_when_something_is_not(site):
    site.serve()
    done = site.infer("models", check=0)
    assert "echo" in done.stdout and "ready" in done.stdout
    document = json.loads(site.infer("models", "--json", check=0).stdout)
    assert {m["name"] for m in document["models"]} == {"echo", "slow"} and len(document["statistics"]) == 2
    site.model("broken", "engine: nonsense\n")
    eventually(lambda: site.infer("models").returncode == 1, what="the broken model is told")
    assert "nonsense" in site.infer("models").stdout


def test_infer_send_knows_a_right_answer_from_a_wrong_one(site):
    site.serve()
    assert "as expected" in site.infer("send", "echo", "--fill", "2.5", "--expect", "2.5,2.5", check=0).stdout
    assert "NOT as expected" in site.infer("send", "echo", "--fill", "2.5", "--expect", "2.6", check=2).stdout
    site.infer("send", "echo", "--fill", "2.5", "--expect", "2.6", "--tolerance", "0.2", check=0)
    for words in (["--fill", "much"], ["--expect", "1,,2"], ["--tolerance", "nan"]):
        assert words[0] in site.infer("send", "echo", *words, check=64).stderr
    document = json.loads(site.infer("send", "echo", "--json", check=0).stdout)
    assert document["answer"]["outputs"][0]["data"] == [1, 1, 1, 1] and document["milliseconds"] > 0
    site.model("two words", "engine: identity\n")
    eventually(lambda: site.infer("send", "two words").returncode == 0, what="a name that an address must escape")
    unknown = site.infer("send", "nobody", check=66)
    assert "nobody" in unknown.stderr
    assert site.infer("send").returncode == 64


def test_infer_bench_measures_and_refuses_nonsense(site):
    site.serve()
    document = json.loads(site.infer("bench", "echo", "--clients", "2", "--seconds", "1", "--json", check=0).stdout)
    assert document["requests"] > 0 and document["refused"] == 0 and document["p99Microseconds"] >= document["p50Microseconds"] > 0
    assert "requests/s" in site.infer("bench", "echo", "--seconds", "1", "--rows", "3", check=0).stdout
    site.infer("bench", "echo", "--clients", "0", check=64)


@pytest.mark.parametrize("words", [("models",), ("send", "echo"), ("bench", "echo")])
def test_without_a_plane_every_command_says_so_and_what_to_do(site, words):
    done = site.infer(*words, check=69)
    assert "no inference plane answers" in done.stderr and "mdc-agent serve" in done.stderr
    assert site.infer(words[0], "--help", check=0).stdout.startswith("mdc-agent infer") or words[0] in site.infer(words[0], "--help").stdout


def test_a_site_file_that_cannot_be_read_is_told_before_the_usual_socket_is_asked(site):
    site.file.write_text("site: [\n")
    done = site.infer("models")
    assert "site file" in done.stderr and "/run/mdc-inference/inference.sock" in done.stderr
    # The plane itself does not start on such a file.
    assert site.serve().wait(20) == 78


# systemd


class Notify:
    """systemd's end of the notification socket: lines, and descriptors to keep."""

    def __init__(self, folder):
        self.path = str(folder / "notify.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(60)
        self.lines, self.kept = [], {}

    def until(self, line):
        while line not in self.lines:
            data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(64))
            lines = data.decode().split("\n")
            self.lines += lines
            descriptors = array.array("i")
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    descriptors.frombytes(content[: len(content) - len(content) % 4])
            if "FDSTORE=1" in lines:
                name = next(l[7:] for l in lines if l.startswith("FDNAME="))
                assert "FDPOLL=0" in lines and len(descriptors) == 1
                self.kept[name] = descriptors[0]


def test_the_pools_memory_is_kept_over_a_restart(site, tmp_path):
    first = Notify(tmp_path)
    server = site.serve(notify=first.path)
    first.until("READY=1")
    assert set(first.kept) == {"pool"}
    pool = first.kept["pool"]
    size = os.fstat(pool).st_size
    assert size == 64 * 16384 and "mdc-inference-pool" in os.readlink(f"/proc/self/fd/{pool}")
    os.pwrite(pool, b"as it was", size - 4096)
    server.send_signal(signal.SIGTERM)
    first.until("STOPPING=1")
    assert server.wait(20) == 0
    os.unlink(first.path)
    second = Notify(tmp_path)
    server = site.serve(notify=second.path, passed={"pool": pool})
    second.until("READY=1")
    assert second.kept == {}  # it has it already
    assert site.ask() == 200 and os.pread(pool, 9, size - 4096) == b"as it was"
    # Other sizes: the old memory is given up for new.
    server.send_signal(signal.SIGTERM)
    assert server.wait(20) == 0
    os.unlink(second.path)
    site.file.write_text(site.file.read_text().replace("count: 64", "count: 32"))
    third = Notify(tmp_path)
    site.serve(notify=third.path, passed={"pool": pool})
    third.until("READY=1")
    assert os.fstat(third.kept["pool"]).st_size == 32 * 16384 and "FDSTOREREMOVE=1" in third.lines


def test_a_restart_loses_no_client_that_waits(site):
    door = socket.create_server(("127.0.0.1", 0), backlog=64)
    port = door.getsockname()[1]

    def begin(model):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", f"/v2/models/{model}/infer", BODY)
        return connection

    def inside():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("mdc_inference_rows{"))

    server = site.serve(passed={"http": door.fileno()})
    runs = begin("slow")
    behind = begin("slow")
    eventually(lambda: inside() == 2, what="both are inside")
    server.send_signal(signal.SIGTERM)
    eventually(lambda: site_is_stopping(server), what="it stops")
    waiting = [begin("echo") for _ in range(5)]
    assert runs.getresponse().status == 200 and behind.getresponse().status == 200
    assert server.wait(20) == 0
    site.serve(passed={"http": door.fileno()})
    assert [c.getresponse().status for c in waiting] == [200] * 5


def site_is_stopping(server):
    """Its listening socket is out of its epoll: what comes now waits for the next process."""
    for name in os.listdir(f"/proc/{server.pid}/fdinfo") if server.poll() is None else []:
        try:
            text = open(f"/proc/{server.pid}/fdinfo/{name}").read()
        except OSError:
            continue
        if "\ntfd:        3 " in text:
            return False
    return True
