"""What a technician has at hand: a screen over a serial console, a bundle for the support desk, completions and
manual pages, in Korean too."""
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tarfile
import termios
import time

import pytest

from conftest import ROOT, binary
from test_http import agent  # noqa: F401 - the fixture


def command(agent, *words, **more):
    env = dict(os.environ, RUN_DIR=str(agent.socket.parent), MDC_HARDWARE=str(ROOT / "Hardware"), SWIFT_BACKTRACE="enable=no")
    env.update(more.pop("env", {}))
    return subprocess.run([binary("mdc-agent"), *map(str, words)], capture_output=True, timeout=90, env=env, **more)


class Screen:
    """A VT100 of which we keep what it shows."""

    def __init__(self, rows=24, columns=80):
        self.rows, self.columns = rows, columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.scrolled = 0

    def feed(self, text):
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]", text):
            if part == "\r":
                self.column = 0
            elif part == "\n":
                self.row += 1
                if self.row == self.rows:
                    self.row -= 1
                    self.scrolled += 1
                    self.cells = self.cells[1:] + [[" "] * self.columns]
            elif part.startswith("\x1b["):
                if part.endswith("H"):
                    self.row = self.column = 0
                elif part.endswith("K"):
                    self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
                elif part.endswith("J"):
                    first = self.row + 1 if part == "\x1b[J" else 0
                    for row in range(first, self.rows):
                        self.cells[row] = [" "] * self.columns
            else:
                assert self.column < self.columns, f"beyond the edge: {''.join(self.cells[self.row])}"
                self.cells[self.row][self.column] = part
                self.column += 1

    @property
    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)


def watch(agent, env, seconds=30, until=lambda text: False, size=(24, 80)):
    """Everything that `status --watch` writes to a terminal until `until` is content."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    process = subprocess.Popen(
        [binary("mdc-agent"), "status", "--watch"], stdin=slave, stdout=slave, stderr=slave,
        env=dict(os.environ, RUN_DIR=str(agent.socket.parent), **env),
    )
    os.close(slave)
    seen = b""
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline and not until(seen.decode(errors="replace")):
            if select.select([master], [], [], 0.2)[0]:
                seen += os.read(master, 65536)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        os.close(master)
    return seen.decode()


@pytest.mark.parametrize("size", [(24, 80), (0, 0)])
def test_the_watch_screen_fits_a_serial_console_and_does_not_scroll(agent, size):
    seen = watch(agent, {"TERM": "vt100", "LC_ALL": "C", "LINES": "", "COLUMNS": ""}, until=lambda text: text.count("\x1b[H") >= 3, size=size)
    assert seen.count("\x1b[H") >= 3
    screen = Screen()
    screen.feed(seen)
    assert screen.scrolled == 0
    assert "Test" in screen.text or "testbed" in screen.text
    assert "posture" in screen.text and "alarms" in screen.text
    # No colours on a VT100, and nothing but ASCII for a console that may know nothing else.
    assert not re.search(r"\x1b\[3\dm", seen) and seen.isascii()


def test_a_dumb_terminal_gets_lines_and_no_control(agent):
    seen = watch(agent, {"TERM": "dumb", "LC_ALL": "C"}, until=lambda text: "posture" in text, seconds=20)
    assert "\x1b" not in seen and "posture" in seen


def test_the_watch_screen_in_korean_stays_within_its_columns(agent):
    seen = watch(agent, {"TERM": "xterm", "LC_ALL": "ko_KR.UTF-8"}, until=lambda text: "태세" in text)
    for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.replace("\x1b[H", "\n")).splitlines():
        assert sum(2 if "가" <= letter <= "힣" else 1 for letter in line) < 80


def test_the_bundle_holds_what_support_needs_and_no_secret(agent, tmp_path):
    site = tmp_path / "site.yaml"
    (tmp_path / "site.d").mkdir(exist_ok=True)
    (tmp_path / "site.d" / "more.yaml").write_text("title: More  # password: hunter2\n")
    answer = command(agent, "bundle", "--json", "--site", site, "--output", tmp_path / "b.tar.gz")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    packed = (tmp_path / "b.tar.gz").read_bytes()
    assert told["sha256"] == hashlib.sha256(packed).hexdigest() and oct((tmp_path / "b.tar.gz").stat().st_mode)[-3:] == "600"
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        files = {m.name.split("/", 1)[1]: archive.extractfile(m).read() for m in archive.getmembers()}
    for name in ["site/site.yaml", "site/site.d/more.yaml", "check.txt", "journal/events.jsonl", "journal/verified.json",
                 "agent/status.json", "agent/metrics.txt", "versions.json", "machine/version.txt", "hardware.sha256"]:
        assert files[name], name
    assert b"hunter2" not in b"".join(files.values())
    assert json.loads(files["journal/verified.json"])["whole"] is True
    assert json.loads(files["agent/status.json"])["site"] == "testbed"
    sums = dict(reversed(line.split("  ", 1)) for line in files["SHA256SUMS"].decode().splitlines())
    assert all(hashlib.sha256(files[name]).hexdigest() == digest for name, digest in sums.items()) and len(sums) > 15


def test_a_bundle_is_made_without_an_agent_too(agent, tmp_path):
    answer = command(agent, "bundle", "--socket", tmp_path / "none", "--site", tmp_path / "site.yaml", "--output", "-")
    assert answer.returncode == 0 and answer.stdout[:2] == b"\x1f\x8b"
    assert command(agent, "bundle", "--output", "/nonexistent/x").returncode == 2


@pytest.mark.parametrize("shell, check", [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")])
def test_a_shell_takes_its_completion(agent, shell, check, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_bytes(command(agent, "completion", shell).stdout)
    assert subprocess.run([shell, check, script], timeout=60).returncode == 0
    if shell == "fish":
        line = f"source {script}; complete -C 'mdc-agent modbus s'"
        found = subprocess.run([shell, "-c", line], capture_output=True, text=True, timeout=60).stdout
        assert {row.split("\t")[0] for row in found.splitlines()} == {"scan", "stats"}
    assert command(agent, "completion", "tcsh").returncode == 64


def test_manual_pages_are_clean(agent, tmp_path):
    assert command(agent, "manual", tmp_path / "man").returncode == 0
    pages = sorted((tmp_path / "man").iterdir())
    assert len(pages) > 30 and (tmp_path / "man" / "mdc-agent.8").exists()
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    result = subprocess.run(["groff", "-man", "-ww", "-z", "-Tascii", *pages], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0 and result.stderr == "", result.stderr


def test_a_korean_technician_reads_korean_and_scripts_read_the_same_as_ever(agent):
    korean = {"LC_ALL": "ko_KR.UTF-8"}
    assert "경보" in command(agent, "status", env=korean).stdout.decode()
    assert "사용법" in command(agent, "status", "--help", env=korean).stdout.decode()
    assert "응답하는 에이전트가 없습니다" in command(agent, "status", "--socket", "/none", env=korean).stderr.decode()
    for words in [["status"], ["alarms"], ["points"], ["accel", "list"], ["hardware", "list"]]:
        document = json.loads(command(agent, *words, "--json", env=korean).stdout)
        assert not any("가" <= letter <= "힣" for letter in json.dumps(document, ensure_ascii=False)), words
    assert "경보" not in command(agent, "status", env={"LC_ALL": "ko_KR.EUC-KR"}).stdout.decode()
