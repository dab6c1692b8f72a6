"""Metrics, streams and access as Prometheus, a browser and curl meet them."""
import contextlib
import gzip
import http.client
import json
import re
import subprocess

import pytest

from conftest import ROOT, eventually
from test_http import agent, curl  # noqa: F401 - the fixture

OPEN_METRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"


def scrape(agent, **headers):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)) as connection:
        connection.request("GET", "/metrics", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200
        if answer.getheader("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return answer.getheader("Content-Type"), body.decode()


def test_promtool_finds_nothing_to_say(agent):
    _, text = scrape(agent, Accept="text/plain")
    result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_strict_parser_is_content_and_no_series_stands_twice(agent):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    kind, text = scrape(agent, Accept=OPEN_METRICS, **{"Accept-Encoding": "gzip"})
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    series = set()
    for family in parser.text_string_to_metric_families(text):
        assert family.name.startswith("mdc_")
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in series
            series.add(key)
    assert len(series) > 30


def test_the_dashboard_and_the_rules_ask_for_families_that_exist(agent):
    _, text = scrape(agent)
    families = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    monitoring = ROOT / "Units" / "monitoring"
    asked = set()
    for name in ["prometheus-rules.yaml", "grafana-dashboard.json"]:
        asked |= set(re.findall(r"\bmdc_[a-z_]+\b(?!\.)", (monitoring / name).read_text()))
    # These come from points that this small site does not have.
    points = {"mdc_total_power_watts", "mdc_it_power_watts", "mdc_pue", "mdc_battery_charge_ratio", "mdc_power_watts", "mdc_"}
    assert asked - points - families == set()


def test_promtool_agrees_with_the_rules_and_what_they_say():
    folder = ROOT / "Tests" / "Foreign"
    rules = str(ROOT / "Units" / "monitoring" / "prometheus-rules.yaml")
    assert subprocess.run(["promtool", "check", "rules", rules], timeout=30).returncode == 0
    result = subprocess.run(
        ["promtool", "test", "rules", str(folder / "prometheus-rules-test.yaml")], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stdout


def test_the_stream_tells_of_changes(agent):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", agent.port, timeout=20)) as connection:
        connection.request("GET", "/v1/live", headers={"Accept": "text/event-stream"})
        answer = connection.getresponse()
        assert answer.getheader("Content-Type") == "text/event-stream"
        seen = {}
        while len(seen) < 2:
            line = answer.fp.readline().decode().strip()
            if line.startswith("event: "):
                name = line[7:]
            if line.startswith("data: "):
                seen[name] = json.loads(line[6:])
        assert seen["status"]["site"] == "testbed"
        assert isinstance(seen["points"]["points"], list)


def test_the_status_document_is_sent_once_to_who_remembers_it(agent):
    url = f"http://127.0.0.1:{agent.port}/v1/layout"
    etag = re.search(r"(?i)etag: (\S+)", curl("-I", url)).group(1)
    assert curl("-o", "/dev/null", "-w", "%{http_code}", "-H", f"If-None-Match: {etag}", url) == "304"


def test_loopback_reads_and_the_socket_acts(agent):
    act = ["-X", "POST", "-H", "Content-Type: application/json", "-d", "{}", "-o", "/dev/null", "-w", "%{http_code}"]
    assert curl(*act, f"http://127.0.0.1:{agent.port}/v1/actions/disarm") == "403"
    assert curl(*act, "--unix-socket", agent.socket, "http://agent/v1/actions/disarm") in ("200", "409")
