"""The page in a browser that people use: it draws itself from the live stream, in both languages, on a laptop
and on a phone, and needs nothing from elsewhere. `PAGE_PICTURES=FOLDER` keeps what it looks like."""
import os
import pathlib
import shutil
import subprocess
import time
import urllib.request

import pytest

import browser
from conftest import ROOT, binary, eventually, free_port, get_json


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if browser.program() is None:
        pytest.skip("chromium is not installed")
    one = browser.Browser(tmp_path_factory.mktemp("browser"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    """The demonstration container on ports of its own."""
    from conftest import Processes

    folder = tmp_path_factory.mktemp("container")
    running = Processes(folder)
    text = (ROOT / "Hardware" / "sites" / "demo.yaml").read_text()
    for port in range(15021, 15027):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{free_port()}")
    running.port = free_port()
    text += f'\nstatus: {{listen: ["127.0.0.1:{running.port}"]}}\nupstream: {{agent-check: {{port: {free_port()}}}}}\n'
    site = folder / "site.yaml"
    site.write_text(text)
    running.run = folder / "run"
    running.run.mkdir()
    running.env = {"RUN_DIR": str(running.run), "MDC_SITE": str(site), "MDC_HARDWARE": str(ROOT / "Hardware")}
    for program, words in [("mdc-sim", ["--run-dir", str(running.run)]), ("mdc-agent", ["run"])]:
        process = running.start(binary(program), *words, env=running.env)
        eventually(lambda: "ready\n" in open(process.log).read() or process.poll() is not None, what=program, seconds=60)
        assert process.poll() is None, open(process.log).read()
    yield running
    running.end()


def test_promtool_is_content_with_every_machine_of_the_demo(container):
    """Hundreds of points become families by their names: none may read as a wrong unit or stand twice."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    url = f"http://127.0.0.1:{container.port}/metrics"
    text = urllib.request.urlopen(url, timeout=20).read().decode()
    result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    series = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(series) > 1000 and len(series) == len(set(series))


def tell(container, *words):
    subprocess.run([binary("mdc-sim"), "tell", *words], env=dict(os.environ, **container.env), check=True, timeout=20)


def look(chromium, name):
    folder = os.environ.get("PAGE_PICTURES")
    if folder:
        chromium.picture(pathlib.Path(folder) / f"{name}.webp", kind="webp", quality=70)


def address(container):
    return f"http://127.0.0.1:{container.port}/"


def text(chromium, selector):
    return chromium.run(f"(document.querySelector({selector!r}) || {{}}).textContent || ''")


def test_the_container_is_drawn_and_stays_live(chromium, container):
    chromium.size(1440, 900)
    chromium.dark(False)
    chromium.open(address(container))
    eventually(lambda: text(chromium, "#link") == "live", what="the live stream", seconds=40)
    eventually(lambda: "ups1" in text(chromium, "#drawing"), what="the drawing")
    drawing = text(chromium, "#drawing")
    for name in ["meter-main", "ats1", "pdu-a", "chiller1", "cdu1", "climate-front", "npu0", "Front door"]:
        assert name in drawing
    # Nothing of the drawing lies outside of what is shown of it.
    assert chromium.run("document.querySelector('#drawing').scrollHeight <= document.querySelector('#drawing').clientHeight + 1")
    assert chromium.run("document.documentElement.scrollWidth <= innerWidth")
    eventually(lambda: chromium.run("document.querySelectorAll('#trends polyline').length") > 3, what="the trends")
    look(chromium, "well")
    tell(container, "door", "open")
    eventually(lambda: "open" in text(chromium, "#drawing").lower(), what="the open door on the page", seconds=40)
    tell(container, "mains", "off")
    eventually(lambda: "failed" in text(chromium, "#alarms"), what="the alarm on the page", seconds=60)
    eventually(lambda: "failed" in text(chromium, "#events"), what="the event on the page", seconds=60)
    eventually(lambda: text(chromium, "#posture") != "Posture: normal", what="the posture on the page", seconds=60)
    look(chromium, "mains-off")
    # This address is read-only: the page says so instead of pretending.
    chromium.run("document.querySelector('#alarms button').click()")
    eventually(lambda: "read-only" in text(chromium, "#message"), what="the refusal")
    tell(container, "heal")


def test_korean_and_dark_and_on_a_phone(chromium, container):
    chromium.size(390, 844, phone=True)
    chromium.dark(True)
    chromium.open(address(container))
    chromium.run("localStorage.setItem('language', 'ko')")
    chromium.open(address(container))
    eventually(lambda: text(chromium, "#link") == "실시간", what="the live stream", seconds=40)
    eventually(lambda: "ups1" in text(chromium, "#drawing"), what="the drawing")
    assert "무정전 전원" in text(chromium, "#drawing") and chromium.run("document.documentElement.lang") == "ko"
    # The sentences of the agent are Korean too.
    def is_korean():
        return any("가" <= letter <= "힣" for letter in chromium.run("sentence('UPS runs on battery: mains is missing or out of range')"))

    eventually(is_korean, what="the catalogue")
    assert chromium.run("document.documentElement.dataset.theme") == "dark"
    assert chromium.run("document.documentElement.scrollWidth <= innerWidth")
    look(chromium, "phone")
    chromium.run("localStorage.setItem('language', 'en')")


def test_the_page_complained_of_nothing_and_asked_nobody_else(chromium, container):
    seen = chromium.run("performance.getEntriesByType('resource').map((one) => one.name)")
    assert seen and all(one.startswith(address(container)) for one in seen)
    # The refused acknowledgement is a 403 of ours.
    assert [one for one in chromium.errors if "403" not in str(one)] == []
    assert get_json(container.port, "/v1/status")[0] == 200


def test_a_browser_comes_back_by_itself(chromium, container):
    chromium.size(1000, 700)
    chromium.open(address(container))
    eventually(lambda: text(chromium, "#link") in ("live", "실시간"), what="the live stream", seconds=40)
    agent = container.started[1]
    agent.terminate()
    agent.wait(20)
    eventually(lambda: "lost" in text(chromium, "#link") or "끊겨" in text(chromium, "#link"), what="the loss on the page", seconds=40)
    time.sleep(0.5)
    again = container.start(binary("mdc-agent"), "run", env=container.env)
    eventually(lambda: "ready\n" in open(again.log).read(), what="ready", seconds=60)
    eventually(lambda: text(chromium, "#link") in ("live", "실시간"), what="the live stream again", seconds=60)
