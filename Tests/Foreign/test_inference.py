"""The inference plane against the client that its users have (tritonclient), and against clients that
nobody wants. The server is mdc-lane, the room alone; mdc-agent serve wires the same room."""
import http.client
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

import pytest

from conftest import ROOT, eventually, free_port

np = pytest.importorskip("numpy")
tritonclient = pytest.importorskip("tritonclient.http")
from tritonclient.utils import InferenceServerException  # noqa: E402
from tritonclient.utils import shared_memory as shm  # noqa: E402

RUNTIME = ROOT / ".deps" / "onnxruntime" / "libonnxruntime.so"


def lane_program():
    for folder in (os.environ.get("MDC_BIN"), ROOT / ".build" / "release", ROOT / ".build" / "debug"):
        if folder and (pathlib.Path(folder) / "mdc-lane").exists():
            return pathlib.Path(folder) / "mdc-lane"
    pytest.skip("mdc-lane is not built (swift build --product mdc-lane)")


def string_model(path):
    """BYTES through a real runtime: the dynamic path, where sizes are only known after the run."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    text = helper.make_tensor_value_info("text", TensorProto.STRING, [None])
    same = helper.make_tensor_value_info("same", TensorProto.STRING, [None])
    graph = helper.make_graph([helper.make_node("Identity", ["text"], ["same"])], "g", [text], [same])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)


def two_inputs_model(path):
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    a = helper.make_tensor_value_info("a", TensorProto.INT32, ["n", 4])
    b = helper.make_tensor_value_info("b", TensorProto.INT32, ["n", 4])
    outputs = [helper.make_tensor_value_info(name, TensorProto.INT32, ["n", 4]) for name in ("sum", "difference")]
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Sub", ["a", "b"], ["difference"])]
    model = helper.make_model(
        helper.make_graph(nodes, "g", [a, b], outputs), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)


class Server:
    def __init__(self, folder, isolation="process", env=None):
        self.models = folder / "models"
        if not self.models.exists():
            subprocess.run([sys.executable, ROOT / "Hardware" / "models" / "make", self.models], check=True)
            plan = "engine: delay\ndelay: 300ms\nqueue_size: 4\nwarm_up_runs: 0\nmax_batch_size: 0\nrun_limit: 2s\n"
            tensors = "inputs: [{name: x, datatype: FP32, shape: [4]}]\noutputs: [{name: y, datatype: FP32, shape: [4]}]\n"
            (self.models / "slow").mkdir()
            (self.models / "slow" / "model.yaml").write_text(plan + tensors)
            types = "".join(
                f"  - {{name: {n}{t.lower()}, datatype: {t}, shape: [-1, 3]}}\n"
                for n in "xy" for t in ("BOOL", "UINT8", "INT16", "INT64", "FP16", "FP64"))
            half = len(types) // 2
            (self.models / "kinds").mkdir()
            (self.models / "kinds" / "model.yaml").write_text(
                "engine: identity\nmax_batch_size: 8\ninputs:\n" + types[:half] + "outputs:\n" + types[half:])
            if RUNTIME.exists():
                string_model(self.models / "strings.onnx")
                two_inputs_model(self.models / "pair.onnx")
            else:
                for name in ("mlp", "identity-3k", "identity-4m"):
                    subprocess.run(["rm", "-r", self.models / name], check=True)
        self.ring = folder / "ring.sock"
        self.log = open(folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [lane_program(), "serve", self.models, "0", isolation, self.ring, "/mdc-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, cwd=ROOT,
            env={**os.environ, "SWIFT_BACKTRACE": "enable=no", **(env or {})})
        self.port = int(self.process.stdout.readline().split()[1])
        assert self.process.stdout.readline().strip() == "ready"
        self.client = tritonclient.InferenceServerClient(f"127.0.0.1:{self.port}")

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def metric(self, name):
        text = self.request("GET", "/metrics")[1].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    def children(self):
        return [int(pid) for pid in subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()]

    def rests(self):
        """Nothing is leased but the slabs that models keep for their next request."""
        return sum(self.metric("mdc_inference_rows{state=\"%s\"" % s) for s in ("receiving", "queued", "running", "sending")) == 0

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(15)
        self.log.close()
        return code


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("inference"))
    yield server
    assert server.stop() == 0


needs_runtime = pytest.mark.skipif(not RUNTIME.exists(), reason="no ONNX Runtime (make deps fetches it)")


def tensor(name, values, **options):
    from tritonclient.utils import np_to_triton_dtype

    result = tritonclient.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    result.set_data_from_numpy(values, **options)
    return result


def echo(server, rows=1, **options):
    values = np.random.default_rng(7).random((rows, 768), dtype=np.float32)
    result = server.client.infer("echo", [tensor("x", values)], **options)
    assert (result.as_numpy("y") == values).all()
    return result


# What tritonclient asks


def test_every_question_about_server_and_models_is_answered(server):
    client = server.client
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("echo")
    assert not client.is_model_ready("nobody")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    assert client.get_model_metadata("echo")["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 768]}]
    config = client.get_model_config("echo")
    assert config["max_batch_size"] == 32 and config["input"][0]["dims"] == [768]
    assert {"name": "echo", "version": "1", "state": "READY"} in client.get_model_repository_index()
    assert client.get_inference_statistics()["model_stats"]
    assert client.get_trace_settings()["trace_level"] == ["OFF"]
    assert client.get_log_settings()["log_info"]
    assert client.get_system_shared_memory_status() == [] and client.get_cuda_shared_memory_status() == []
    client.unregister_system_shared_memory()
    client.unregister_cuda_shared_memory()


@needs_runtime
def test_a_known_model_gives_known_answers_in_every_form(server):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(server.models / "mlp" / "model.onnx"))
    values = np.random.default_rng(1).random((3, 784), dtype=np.float32)
    wanted = session.run(None, {"x": values})[0]
    for inputs in (tensor("x", values), tensor("x", values, binary_data=False)):
        for outputs in (None, [tritonclient.InferRequestedOutput("y", binary_data=False)]):
            result = server.client.infer("mlp", [inputs], outputs=outputs, request_id='one "1" ä')
            assert np.allclose(result.as_numpy("y"), wanted, atol=1e-5)
            assert result.get_response()["id"] == 'one "1" ä'
    for coding in ("gzip", "deflate"):
        result = server.client.infer(
            "mlp", [tensor("x", values)], request_compression_algorithm=coding, response_compression_algorithm=coding)
        assert np.allclose(result.as_numpy("y"), wanted, atol=1e-5)
    best = server.client.infer("mlp", [tensor("x", values)], outputs=[tritonclient.InferRequestedOutput("y", class_count=2)])
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    for row, answer in zip(wanted, best.as_numpy("y")):
        order = np.argsort(-row)
        assert [a.decode().split(":", 1)[1] for a in answer] == [f"{i}:{words[i]}" for i in order[:2]]


@needs_runtime
def test_strings_of_any_length_go_through_a_runtime_and_back(server):
    values = np.array(["", "a", "ü" * 1000, 'quote " \\ \n'], dtype=object)
    for binary in (True, False):
        given = tritonclient.InferInput("text", [4], "BYTES")
        given.set_data_from_numpy(values, binary_data=binary)
        for output in (True, False):
            result = server.client.infer(
                "strings", [given], outputs=[tritonclient.InferRequestedOutput("same", binary_data=output)])
            got = [v.decode() if isinstance(v, bytes) else v for v in result.as_numpy("same")]
            assert got == list(values)


@needs_runtime
def test_inputs_in_another_order_than_the_models_land_where_they_belong(server):
    a = np.arange(8, dtype=np.int32).reshape(2, 4)
    b = np.full((2, 4), 100, dtype=np.int32)
    for order in ([tensor("a", a), tensor("b", b)], [tensor("b", b), tensor("a", a)]):
        result = server.client.infer("pair", order)
        assert (result.as_numpy("sum") == a + b).all() and (result.as_numpy("difference") == a - b).all()
    mixed = [tensor("b", b, binary_data=False), tensor("a", a)]
    assert (server.client.infer("pair", mixed).as_numpy("difference") == a - b).all()


def test_every_datatype_is_carried_unchanged(server):
    kinds = {"bool": np.bool_, "uint8": np.uint8, "int16": np.int16, "int64": np.int64, "fp16": np.float16, "fp64": np.float64}
    values = {k: (np.random.default_rng(3).random((2, 3)) * 100).astype(t) for k, t in kinds.items()}
    result = server.client.infer("kinds", [tensor("x" + k, v) for k, v in values.items()])
    for k, v in values.items():
        assert (result.as_numpy("y" + k) == v).all()
    inputs = [tensor("x" + k, v, binary_data=k == "fp16") for k, v in values.items()]
    outputs = [tritonclient.InferRequestedOutput("y" + k, binary_data=k == "fp16") for k in values]
    result = server.client.infer("kinds", inputs, outputs=outputs)
    for k, v in values.items():
        assert (result.as_numpy("y" + k) == v).all()


def test_a_raw_request_is_its_tensor_and_nothing_else(server):
    row = np.random.default_rng(5).random((1, 768), dtype=np.float32).tobytes()
    status, body, headers = server.request(
        "POST", "/v2/models/echo/infer", row, {"Inference-Header-Content-Length": "0"})
    length = int(headers["Inference-Header-Content-Length"])
    assert status == 200 and body[length:] == row


def test_a_model_is_unloaded_loaded_and_reloaded_without_a_failed_request(server):
    server.client.unload_model("echo")
    assert not server.client.is_model_ready("echo")
    with pytest.raises(InferenceServerException):
        echo(server)
    server.client.load_model("echo")
    failures, stop = [], threading.Event()

    def ask():
        client = tritonclient.InferenceServerClient(f"127.0.0.1:{server.port}")
        values = np.ones((1, 768), dtype=np.float32)
        while not stop.is_set():
            try:
                client.infer("echo", [tensor("x", values)])
            except Exception as fault:  # noqa: BLE001
                failures.append(fault)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        text = (server.models / "echo" / "model.yaml").read_text()
        (server.models / "echo" / "model.yaml").write_text(text.replace("max_batch_size: 32", "max_batch_size: 16"))
        eventually(lambda: server.client.get_model_config("echo")["max_batch_size"] == 16)
        (server.models / "echo" / "model.yaml").write_text(text)
        eventually(lambda: server.client.get_model_config("echo")["max_batch_size"] == 32)
        (server.models / "echo" / "model.yaml").write_text("engine: nonsense\n")
        time.sleep(3)
        lanes = server.children()
        (server.models / "echo" / "model.yaml").write_text(text)
        # The file is new, so its lane is: the next test shall not see the change-over.
        eventually(lambda: len(server.children()) == len(lanes) and server.children() != lanes, what="the last reload")
    finally:
        stop.set()
        asker.join()
    assert failures == []


def test_every_call_that_tritonclient_has_is_answered(server):
    """A new release of it with a call that nobody thought of fails here by name."""
    client, values = server.client, np.ones((1, 768), dtype=np.float32)
    client.load_model("echo")
    calls = {
        "infer": lambda c: c.infer("echo", [tensor("x", values)], model_version="1"),
        "async_infer": lambda c: c.async_infer("echo", [tensor("x", values)]).get_result(),
        "is_server_live": lambda c: c.is_server_live(), "is_server_ready": lambda c: c.is_server_ready(),
        "is_model_ready": lambda c: c.is_model_ready("echo", "1"), "get_server_metadata": lambda c: c.get_server_metadata(),
        "get_model_metadata": lambda c: c.get_model_metadata("echo", "1"), "get_model_config": lambda c: c.get_model_config("echo", "1"),
        "get_model_repository_index": lambda c: c.get_model_repository_index(), "load_model": lambda c: c.load_model("echo"),
        "unload_model": lambda c: (c.unload_model("kinds", unload_dependents=True), c.load_model("kinds")),
        "get_inference_statistics": lambda c: (c.get_inference_statistics(), c.get_inference_statistics("echo", "1")),
        "get_trace_settings": lambda c: (c.get_trace_settings(), c.get_trace_settings("echo")),
        "update_trace_settings": lambda c: c.update_trace_settings(settings={"trace_rate": None}),
        "get_log_settings": lambda c: c.get_log_settings(), "update_log_settings": lambda c: c.update_log_settings({}),
        "get_system_shared_memory_status": lambda c: c.get_system_shared_memory_status(),
        "register_system_shared_memory": lambda c: c.register_system_shared_memory("all", "/mdc-test-all", 64),
        "unregister_system_shared_memory": lambda c: c.unregister_system_shared_memory("all"),
        "get_cuda_shared_memory_status": lambda c: c.get_cuda_shared_memory_status(),
        "unregister_cuda_shared_memory": lambda c: c.unregister_cuda_shared_memory("all"),
        # There is no such memory here: refused in words, which is an answer.
        "register_cuda_shared_memory": lambda c: pytest.raises(
            InferenceServerException, c.register_cuda_shared_memory, "all", b"handle", 0, 64),
        "close": lambda c: None, "register_plugin": lambda c: None, "unregister_plugin": lambda c: None, "plugin": lambda c: None,
    }
    offered = {name for name in dir(client) if not name.startswith("_") and callable(getattr(client, name))}
    static = {"generate_request_body", "parse_response_body"}
    assert offered - set(calls) - static == set()
    region = pathlib.Path("/dev/shm/mdc-test-all")
    region.write_bytes(b"\0" * 64)
    try:
        for name in sorted(calls, key=lambda n: (n.startswith("unregister"), n)):
            calls[name](client)
        # The two that make a request and read an answer by themselves.
        body, length = type(client).generate_request_body([tensor("x", values)])
        status, answer, headers = server.request(
            "POST", "/v2/models/echo/infer", body, {"Inference-Header-Content-Length": str(length)})
        assert status == 200
        result = type(client).parse_response_body(answer, header_length=int(headers["Inference-Header-Content-Length"]))
        assert (result.as_numpy("y") == values).all()
    finally:
        region.unlink()
    for unknown in (lambda: client.update_trace_settings(settings={"trace_rate": "5"}), lambda: client.update_log_settings({"log_info": False})):
        with pytest.raises(InferenceServerException):
            unknown()


def test_statistics_and_metrics_count_what_was_done(server):
    def counts():
        one = server.client.get_inference_statistics("echo")["model_stats"][0]
        return one["inference_count"], one["execution_count"], one["inference_stats"]["success"]["count"], one["inference_stats"]["fail"]["count"]

    before, metric = counts(), server.metric('nv_inference_request_success{model="echo"')
    for rows in (1, 2, 5):
        echo(server, rows=rows)
    assert ask(server, described(datatype="INT8"))[0] == 400
    after = counts()
    assert [b - a for a, b in zip(before, after)] == [8, 3, 3, 1]
    assert server.metric('nv_inference_request_success{model="echo"') == metric + 3
    sizes = {s["batch_size"]: s["compute_infer"]["count"] for s in server.client.get_inference_statistics("echo")["model_stats"][0]["batch_stats"]}
    assert sizes[2] >= 1 and sizes[5] >= 1


def test_a_slow_bucket_leads_to_the_request_that_fell_into_it(server):
    """Exemplars as OpenMetrics has them, under its strict parser."""
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    for name in ("plain-17", 'with "quotes" \\ and 한글', "x" * 500):
        echo(server, request_id=name)
    status, body, fields = server.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    assert status == 200 and fields["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in parser.text_string_to_metric_families(body.decode())}
    buckets = [s for s in families["mdc_inference_latency_seconds"].samples if s.name.endswith("_bucket") and s.labels["model"] == "echo"]
    exemplars = [s.exemplar for s in buckets if s.exemplar]
    assert exemplars, "no exemplar"
    told = {exemplar.labels["request"] for exemplar in exemplars}
    # The last request of a bucket is the one that is kept; a name is shown without what would need escapes.
    assert told & {"plain-17", "withquotesand", "x" * 64}, told
    lower = 0.0
    for bucket in buckets:
        if bucket.exemplar:
            assert lower <= bucket.exemplar.value <= float(bucket.labels["le"])
            assert abs(float(bucket.exemplar.timestamp) - time.time()) < 600
        lower = float(bucket.labels["le"])
    # Who asks for the old text gets no exemplar, which its parser would not take.
    assert b" # {" not in server.request("GET", "/metrics")[1]


# Shared memory


def test_system_shared_memory_carries_tensors_both_ways(server):
    values = np.random.default_rng(9).random((2, 768), dtype=np.float32)
    one = shm.create_shared_memory_region("in", "/mdc-test-in", values.nbytes)
    two = shm.create_shared_memory_region("out", "/mdc-test-out", values.nbytes + 64)
    try:
        shm.set_shared_memory_region(one, [values])
        server.client.register_system_shared_memory("in", "/mdc-test-in", values.nbytes)
        server.client.register_system_shared_memory("out", "/mdc-test-out", values.nbytes, offset=64)
        with pytest.raises(InferenceServerException, match="already"):
            server.client.register_system_shared_memory("in", "/mdc-test-in", values.nbytes)
        given = tritonclient.InferInput("x", [2, 768], "FP32")
        given.set_shared_memory("in", values.nbytes)
        wanted = tritonclient.InferRequestedOutput("y")
        wanted.set_shared_memory("out", values.nbytes)
        result = server.client.infer("echo", [given], outputs=[wanted])
        assert result.get_output("y")["shape"] == [2, 768]
        assert (shm.get_contents_as_numpy(two, np.float32, [2, 768], offset=64) == values).all()
        assert len(server.client.get_system_shared_memory_status()) == 2
    finally:
        server.client.unregister_system_shared_memory()
        shm.destroy_shared_memory_region(one)
        shm.destroy_shared_memory_region(two)
    with pytest.raises(InferenceServerException):
        server.client.infer("echo", [given], outputs=[wanted])


def test_a_client_that_truncates_its_region_hurts_only_itself(server):
    values = np.ones((1, 768), dtype=np.float32)
    region = shm.create_shared_memory_region("gone", "/mdc-test-gone", values.nbytes)
    lanes = server.children()
    try:
        server.client.register_system_shared_memory("gone", "/mdc-test-gone", values.nbytes)
        given = tritonclient.InferInput("x", [1, 768], "FP32")
        given.set_shared_memory("gone", values.nbytes)
        server.client.infer("echo", [given])
        os.truncate("/dev/shm/mdc-test-gone", 0)
        with pytest.raises(InferenceServerException, match="shared memory"):
            server.client.infer("echo", [given])
        echo(server)
        assert server.children() == lanes
    finally:
        server.client.unregister_system_shared_memory()
        shm.destroy_shared_memory_region(region)


def test_a_region_is_taken_away_between_requests_in_every_way(server):
    """Unlinked, shrunk, grown, replaced by another, unregistered while it is in use."""
    values = np.random.default_rng(2).random((1, 768), dtype=np.float32)
    path = pathlib.Path("/dev/shm/mdc-test-moves")
    lanes = server.children()
    given = tritonclient.InferInput("x", [1, 768], "FP32")
    given.set_shared_memory("moves", values.nbytes)
    try:
        path.write_bytes(values.tobytes() * 4)
        server.client.register_system_shared_memory("moves", "/mdc-test-moves", values.nbytes)
        assert (server.client.infer("echo", [given]).as_numpy("y") == values).all()
        path.unlink()
        path.write_bytes(b"\1" * values.nbytes)  # another object of that name: not the one that was registered
        assert (server.client.infer("echo", [given]).as_numpy("y") == values).all()
        server.client.unregister_system_shared_memory("moves")
        with pytest.raises(InferenceServerException, match="[Uu]nable to find"):
            server.client.infer("echo", [given])
        os.truncate(path, values.nbytes)
        server.client.register_system_shared_memory("moves", "/mdc-test-moves", values.nbytes)
        stop = threading.Event()

        def shrinks_and_grows():
            while not stop.is_set():
                os.truncate(path, 0)
                os.truncate(path, values.nbytes)

        mover = threading.Thread(target=shrinks_and_grows)
        mover.start()
        try:
            client = tritonclient.InferenceServerClient(f"127.0.0.1:{server.port}")
            for round in range(60):
                try:
                    client.infer("echo", [given])
                except InferenceServerException:
                    client.unregister_system_shared_memory("moves")
                    try:
                        client.register_system_shared_memory("moves", "/mdc-test-moves", values.nbytes)
                    except InferenceServerException:
                        pass
        finally:
            stop.set()
            mover.join()
        echo(server)
        assert server.children() == lanes
        for offset, size in ((1, values.nbytes), (values.nbytes, 1), (2**63 - 1, 2**63 - 1), (0, values.nbytes + 1)):
            wrong = {"inputs": [{"name": "x", "shape": [1, 768], "datatype": "FP32", "parameters": {
                "shared_memory_region": "moves", "shared_memory_byte_size": size, "shared_memory_offset": offset}}]}
            assert ask(server, json.dumps(wrong).encode())[0] == 400
    finally:
        server.client.unregister_system_shared_memory()
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("body", [
    {"key": "/triton_python_backend_shm_region_1", "byte_size": 64}, {"key": "/mdc-../../etc/passwd", "byte_size": 64},
    {"key": "/mdc-nobody", "byte_size": 64}, {"key": "mdc-x", "byte_size": 64}, {"byte_size": 64},
    {"key": "/mdc-test-bounds", "byte_size": 2**63 - 1, "offset": 2**63 - 1}, {"key": "/mdc-test-bounds", "byte_size": 0},
    {"key": "/mdc-test-bounds", "byte_size": 128, "offset": 3000}, {"key": "/mdc-test-bounds", "byte_size": -1},
    {"key": "/mdc-test-bounds", "byte_size": 4096, "offset": 1}, {"key": "/mdc-test-bounds", "byte_size": 1e300},
])
def test_regions_that_must_not_be_are_refused_and_their_keys_not_told(server, body):
    (region := pathlib.Path("/dev/shm/mdc-test-bounds")).write_bytes(b"\0" * 3072)
    before = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    try:
        for _ in range(20):
            status, answer, _ = server.request("POST", "/v2/systemsharedmemory/region/evil/register", json.dumps(body))
            assert status == 400 and "error" in json.loads(answer)
            assert not body.get("key") or body["key"].encode() not in answer
        eventually(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) <= before + 2, what="descriptors come back")
    finally:
        region.unlink()


# The native ring


def test_a_ring_client_in_plain_python_gets_its_answers(server):
    sys.path.insert(0, str(ROOT / "Sources" / "CMdcInfer"))
    from ring import Ring

    ring = Ring(str(server.ring), "echo", slots=4, rows=2)
    for number in range(50):
        slot = number % 4
        row = ring.rows_of(slot, 0, 2)
        row[:] = struct.pack("<I", number) * (len(row) // 4)
        ring.submit(slot, 2, number)
        assert ring.reap() == (slot, 0, number)
        assert bytes(ring.rows_of(slot, 1, 2)) == bytes(row)
        row.release()
    ring.submit(9, 1, 1)
    assert ring.reap()[1] == 400
    ring.submit(0, 77, 2)
    assert ring.reap()[1] == 400
    with pytest.raises(ConnectionRefusedError, match="no model"):
        Ring(str(server.ring), "nobody")
    before = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    for _ in range(20):
        other = Ring(str(server.ring), "echo")
        other.submit(0)
        other.memory.close()
        other.close()
    eventually(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) <= before, what="descriptors come back")
    ring.close()
    eventually(server.rests, what="all rows are free")


# Clients that nobody wants


def infer_head(length, json_length=None, more=""):
    extra = f"Inference-Header-Content-Length: {json_length}\r\n" if json_length is not None else ""
    return f"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{extra}{more}\r\n".encode()


def ask(server, body, json_length=None, path="/v2/models/echo/infer", **headers):
    fields = {k.replace("_", "-"): v for k, v in headers.items()}
    if json_length is not None:
        fields["Inference-Header-Content-Length"] = str(json_length)
    return server.request("POST", path, body, fields)


def described(**changes):
    one = {"name": "x", "shape": [1, 768], "datatype": "FP32", "parameters": {"binary_data_size": 3072}}
    one.update(changes)
    return json.dumps({"inputs": [one]}).encode()


HOSTILE = {
    "empty": b"", "no json": b"nonsense", "list": b"[]", "cut off": b'{"inputs":[{"name":"x"', "no inputs": b"{}",
    "deep": b'{"inputs":' + b"[" * 100000, "deep object": b'{"a":' * 50000, "deep data": described(data=[[[[1]]]], parameters={}),
    "huge shape": described(shape=[2**64 - 1, 2**64 - 1]), "overflowing product": described(shape=[2**62, 2**62]),
    "negative shape": described(shape=[-1, 768]), "fraction": b'{"inputs":[{"name":"x","shape":[1.5,768],"datatype":"FP32"}]}',
    "many dimensions": described(shape=[1] * 1000), "zero rows": described(shape=[0, 768]),
    "batch beyond": described(shape=[33, 768]), "wrong type": described(datatype="INT8"), "no such type": described(datatype="FP7"),
    "unknown input": described(name="z"), "size lies": described(parameters={"binary_data_size": 3073}),
    "size overflows": described(parameters={"binary_data_size": 2**63 - 1}), "size negative": described(parameters={"binary_data_size": -1}),
    "twice": json.dumps({"inputs": [{"name": "x", "shape": [1, 768], "datatype": "FP32", "data": [0] * 768}] * 2}).encode(),
    "too few numbers": described(data=[1.0] * 767, parameters={}), "too many numbers": described(data=[1.0] * 769, parameters={}),
    "words as numbers": described(data=["a"] * 768, parameters={}), "nan": b'{"inputs":[{"name":"x","shape":[1,768],"datatype":"FP32","data":[NaN]}]}',
    "bad escape": b'{"inputs":[],"id":"\\ud800"}', "control character": b'{"id":"\x01"}', "region unknown": described(parameters={"shared_memory_region": "r", "shared_memory_byte_size": 1}),
    "many inputs": json.dumps({"inputs": [{"name": f"i{n}", "shape": [1], "datatype": "FP32", "data": [1]} for n in range(1000)]}).encode(),
    "output unknown": json.dumps({"inputs": [{"name": "x", "shape": [1, 768], "datatype": "FP32", "data": [0] * 768}], "outputs": [{"name": "q"}]}).encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nonsense_is_a_400_with_a_reason(server, name):
    status, body, _ = ask(server, HOSTILE[name])
    assert status == 400 and json.loads(body)["error"], (status, body)
    echo(server)


@pytest.mark.parametrize("header", ["-1", "99999999999", "abc", "5000", "1e3"])
def test_a_header_length_that_cannot_be_is_refused(server, header):
    status, body, _ = ask(server, described() + b"\0" * 3072, header)
    assert status == 400 and json.loads(body)["error"]


def test_a_deflate_bomb_ends_at_what_the_model_could_use(server):
    bomb = zlib.compress(b"\0" * (256 << 20), 9)
    started = time.monotonic()
    for _ in range(5):
        status, body, _ = ask(server, bomb, Content_Encoding="deflate")
        assert status == 400 and b"larger" in body
    assert time.monotonic() - started < 20
    assert ask(server, b"\x1f\x8bnot gzip", Content_Encoding="gzip")[0] == 400
    assert ask(server, b"x", Content_Encoding="br")[0] == 415
    echo(server)


def test_a_chunked_body_in_many_tiny_pieces_is_one_request(server):
    row = np.ones((1, 768), dtype=np.float32)
    body = json.dumps({"inputs": [{"name": "x", "shape": [1, 768], "datatype": "FP32", "data": row.ravel().tolist()}]}).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        raw.sendall(b"".join(b"1\r\n" + bytes([b]) + b"\r\n" for b in body) + b"0\r\n\r\n")
        assert raw.recv(64).startswith(b"HTTP/1.1 200")


def test_clients_that_hang_up_anywhere_cost_nothing(server):
    whole = infer_head(len(described()) + 3072, len(described())) + described() + b"\1" * 3072
    random = np.random.default_rng(11)
    descriptors = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    for _ in range(2000):
        raw = socket.create_connection(("127.0.0.1", server.port))
        raw.sendall(whole[: random.integers(1, len(whole) + 1)])
        if random.random() < 0.5:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    eventually(server.rests, what="all rows are free")
    eventually(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) <= descriptors, what="descriptors come back")
    echo(server)


def doomed_client(port, ring, seed):
    """One client's short life: whatever it does, it is killed in the middle of it."""
    random = np.random.default_rng(seed)
    row = np.ones((1, 768), dtype=np.float32)
    while True:
        if random.random() < 0.3:
            sys.path.insert(0, str(ROOT / "Sources" / "CMdcInfer"))
            from ring import Ring

            mine = Ring(str(ring), "echo", slots=4, rows=2)
            for number in range(20):
                mine.submit(number % 4, 1 + number % 2, number)
                if random.random() < 0.8:
                    mine.reap()
        else:
            whole = infer_head(len(described()) + 3072, len(described())) + described() + row.tobytes()
            with socket.create_connection(("127.0.0.1", port)) as raw:
                for _ in range(5):
                    cut = int(random.integers(1, len(whole) + 1)) if random.random() < 0.5 else len(whole)
                    raw.sendall(whole[:cut])
                    if cut < len(whole):
                        break
                    if random.random() < 0.8:
                        raw.recv(65536)


def test_clients_that_are_killed_at_random_leak_nothing(server):
    """MDC_SOAK=10000 kills ten thousand."""
    wanted = int(os.environ.get("MDC_SOAK", "150"))
    random = np.random.default_rng(20261126)
    eventually(server.rests, what="all rows are free")
    lanes = server.children()
    leased = server.metric("mdc_inference_pool_leased{")
    descriptors = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    living = []
    for number in range(wanted):
        pid = os.fork()
        if pid == 0:
            try:
                doomed_client(server.port, server.ring, number)
            finally:
                os._exit(0)
        living.append((time.monotonic() + random.random() * 0.2, pid))
        while living and (len(living) >= 16 or number == wanted - 1):
            living.sort()
            due, pid = living.pop(0)
            time.sleep(max(0, due - time.monotonic()))
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    assert server.process.poll() is None and server.children() == lanes
    eventually(server.rests, seconds=60, what="all rows are free")
    eventually(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) <= descriptors, seconds=60, what="descriptors come back")
    # A model keeps a few slabs for its next requests, whatever happened.
    assert server.metric("mdc_inference_pool_leased{") <= leased + 4
    echo(server)


def test_wrong_methods_and_paths_are_named(server):
    for method, path, wanted in [
        ("GET", "/v2/models/echo/infer", 405), ("POST", "/v2/health/live", 405), ("GET", "/nothing", 404),
        ("GET", "/v2/models/nobody", 404), ("POST", "/v2/models/nobody/infer", 404), ("GET", "/v2/models/nobody/ready", 400),
        ("GET", "/v2/models/echo/versions/7", 404), ("POST", "/v2/cudasharedmemory/region/r/register", 501),
    ]:
        status, body, _ = server.request(method, path, "{}" if method == "POST" else None)
        assert status == wanted and "error" in json.loads(body), (method, path, status, body)


# Lanes, queues, time


def slow_request(server, **parameters):
    body = {"inputs": [{"name": "x", "shape": [4], "datatype": "FP32", "data": [1, 2, 3, 4]}], "parameters": parameters}
    return server.request("POST", "/v2/models/slow/infer", json.dumps(body))


def test_a_full_queue_refuses_at_once_and_late_requests_never_run(server):
    before = server.client.get_inference_statistics("slow")["model_stats"][0]["execution_count"]
    answers, threads = [], []
    for _ in range(12):
        threads.append(threading.Thread(target=lambda: answers.append(slow_request(server))))
        threads[-1].start()
    for thread in threads:
        thread.join()
    codes = sorted(a[0] for a in answers)
    # How many get through depends on how fast the machine sends them; never fewer than fit.
    assert set(codes) == {200, 503} and codes.count(200) >= 4
    assert all(a[2]["Retry-After"] for a in answers if a[0] == 503)
    # Four before it: however busy this machine is, the lane is not free when the late one comes.
    ahead = [threading.Thread(target=lambda: slow_request(server)) for _ in range(4)]
    for thread in ahead:
        thread.start()
    eventually(lambda: server.metric('mdc_inference_rows{state="running"') >= 1)
    status, body, _ = slow_request(server, timeout=1000)
    assert status == 503 and b"timeout" in body
    for thread in ahead:
        thread.join()
    ran = server.client.get_inference_statistics("slow")["model_stats"][0]["execution_count"] - before
    assert ran == codes.count(200) + 4


def test_a_lane_that_dies_answers_its_request_and_comes_back(server):
    # On a busy machine the request may be through before the knife: then once more.
    for _ in range(10):
        answers = []
        thread = threading.Thread(target=lambda: answers.append(slow_request(server)))
        thread.start()
        eventually(lambda: server.metric('mdc_inference_rows{state="running"') >= 1 or answers)
        victims = server.children()
        for pid in victims:
            os.kill(pid, 9)
        thread.join()
        if answers[0][0] == 500:
            break
        eventually(lambda: server.client.is_server_ready(), seconds=60, what="every lane is back")
    assert answers[0][0] == 500 and b"signal 9" in answers[0][1]
    eventually(lambda: server.client.is_server_ready(), seconds=60, what="every lane is back")
    assert slow_request(server)[0] == 200
    echo(server)
    assert len(server.children()) == len(victims)


def test_a_thread_lane_serves_the_same(tmp_path):
    server = Server(tmp_path, isolation="none")
    try:
        assert server.children() == []
        echo(server, rows=4)
    finally:
        assert server.stop() == 0
