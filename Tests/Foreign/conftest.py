"""What every foreign test needs: the built programs, processes that end by id, ports that are free, and
patience instead of sleeps."""
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

# Whoever starts the tests in the background makes them deaf to Ctrl-C, and every program that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = pathlib.Path(__file__).resolve().parents[2]


def binary(name):
    folder = pathlib.Path(os.environ.get("MDC_BIN", ROOT / ".build" / "release"))
    path = folder / name
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return str(path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(check, seconds=20.0, what="the condition"):
    """The first true result of `check`; generous, because the machine may be busy. `what` may be a function, which
    says what is the case when the patience ends."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{what() if callable(what) else what} did not come true within {seconds} s")
        time.sleep(0.05)


class UnixHTTPConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=10):
        super().__init__("mdc-agent", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def get_json(address, path):
    """`address` is a port on loopback or the path of a Unix socket."""
    connection = (
        http.client.HTTPConnection("127.0.0.1", address, timeout=10) if isinstance(address, int) else UnixHTTPConnection(str(address))
    )
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


class Processes:
    """Starts programs and ends exactly those, by id."""

    def __init__(self, folder):
        self.folder = folder
        self.started = []

    def start(self, *command, env=None, **keywords):
        log = open(self.folder / f"{pathlib.Path(command[0]).name}-{len(self.started)}.log", "wb")
        environment = dict(os.environ, SWIFT_BACKTRACE="enable=no", **(env or {}))
        process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=subprocess.STDOUT, env=environment, **keywords)
        process.log = log.name
        self.started.append(process)
        return process

    def end(self):
        for process in reversed(self.started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self.started):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def processes(tmp_path):
    running = Processes(tmp_path)
    yield running
    running.end()


@pytest.fixture(scope="session")
def shared():
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the reference data beside the checkout is absent")
    return folder
