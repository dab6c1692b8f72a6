"""The HTTP server against clients that others wrote: curl and Python's http.client. What the server must
refuse is tried with plain sockets in Tests/HTTPTests; here it is the ordinary that must work."""
import contextlib
import http.client
import json
import os
import socket
import subprocess
import threading

import pytest

from conftest import ROOT, UnixHTTPConnection, binary, eventually, free_port


@pytest.fixture
def agent(processes, tmp_path):
    port = free_port()
    site = tmp_path / "site.yaml"
    site.write_text(
        f"site: testbed\njournal:\n  folder: {tmp_path}/state\nstatus:\n  listen: [\"127.0.0.1:{port}\"]\n  connections: 64\n"
    )
    run = tmp_path / "run"
    run.mkdir()
    env = {"RUN_DIR": str(run), "MDC_HARDWARE": str(ROOT / "Hardware")}
    process = processes.start(binary("mdc-agent"), "run", "--site", site, env=env)

    def answers():
        with contextlib.suppress(OSError):
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                connection.request("GET", "/v1/status")
                return connection.getresponse().status == 200

    eventually(answers, what="the first status")
    process.port = port
    process.socket = run / "agent.sock"
    return process


def curl(*arguments):
    result = subprocess.run(["curl", "-sS", "--max-time", "20", *map(str, arguments)], capture_output=True, timeout=30)
    assert result.returncode == 0, result.stderr
    return result.stdout.decode()


def test_one_connection_serves_many_requests_of_http_client(agent):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)) as connection:
        connection.connect()
        ours = connection.sock.getsockname()
        for path in ["/v1/status", "/v1/points", "/v1/alarms", "/metrics", "/nothing", "/healthz"] * 20:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == (404 if path == "/nothing" else 200)
            assert len(body) == int(answer.getheader("Content-Length"))
            assert connection.sock.getsockname() == ours
        connection.request("HEAD", "/v1/status")
        answer = connection.getresponse()
        assert answer.read() == b"" and int(answer.getheader("Content-Length")) > 100


def test_curl_over_tcp_and_over_the_socket_sees_the_same(agent):
    over_tcp = json.loads(curl(f"http://127.0.0.1:{agent.port}/v1/layout"))
    over_socket = json.loads(curl("--unix-socket", agent.socket, "http://agent/v1/layout"))
    assert over_tcp == over_socket
    head = curl("-I", f"http://127.0.0.1:{agent.port}/v1/status")
    assert head.startswith("HTTP/1.1 200 OK\r\n") and "ETag:" in head
    assert curl("-w", "%{http_version} %{num_connects}", "-o", os.devnull, f"http://127.0.0.1:{agent.port}/", "-o", os.devnull,
                f"http://127.0.0.1:{agent.port}/").split("1.1")[-1].strip() == "0"


@pytest.mark.parametrize("how", [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"], ["--http1.0"]])
def test_a_body_arrives_whole_however_curl_sends_it(agent, how):
    body = json.dumps({"alarm": "nothing-" + "x" * 20_000})
    answer = curl("--unix-socket", agent.socket, *how, "-H", "Content-Type: application/json", "--data-binary", body,
                  "http://agent/v1/actions/acknowledge")
    # The action is known, its alarm is not: the answer says so in words that hold the whole name.
    assert "error" in json.loads(answer)
    assert "JSON" not in answer


def test_a_body_too_large_is_413(agent):
    with contextlib.closing(UnixHTTPConnection(str(agent.socket))) as connection:
        connection.request("POST", "/v1/actions/arm", body=b"x" * 200_000)
        assert connection.getresponse().status == 413


def test_sixty_four_clients_at_once_and_one_more(agent):
    results = []
    lock = threading.Lock()

    def client():
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", agent.port, timeout=20)) as connection:
            seen = []
            try:
                for _ in range(20):
                    connection.request("GET", "/v1/status")
                    answer = connection.getresponse()
                    answer.read()
                    seen.append(answer.status)
            except (http.client.HTTPException, OSError):
                seen.append(0)
        with lock:
            results.append(seen)

    threads = [threading.Thread(target=client) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 30 and all(seen == [200] * 20 for seen in results)


def test_slow_and_silent_connections_do_not_keep_others_out(agent):
    idle = [socket.create_connection(("127.0.0.1", agent.port)) for _ in range(100)]
    for number, one in enumerate(idle):
        with contextlib.suppress(OSError):
            one.sendall(b"GET / HT" if number % 2 else b"")
    # The socket's technicians and whoever comes next are answered all the same.
    assert "\"site\":\"testbed\"" in curl("--retry", "8", "--unix-socket", agent.socket, "http://agent/v1/status")
    for one in idle:
        one.close()
    assert agent.poll() is None
