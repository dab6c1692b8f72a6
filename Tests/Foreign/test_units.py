"""The units as systemd's own tools judge them."""
import os
import re
import shutil
import subprocess

import pytest

from conftest import ROOT

SERVICES = ["mdc-agent.service", "mdc-inference.service"]


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_exposes_at_most_1_8(unit):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    answer = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(ROOT / "Units" / unit)],
        capture_output=True, text=True, timeout=60,
    )
    score = re.search(r"exposure level for \S+: ([0-9.]+)", answer.stdout)
    assert score, answer.stdout + answer.stderr
    assert float(score.group(1)) <= 1.8


def test_the_kernel_log_is_given_open_where_there_is_one_and_nothing_where_there_is_none(tmp_path):
    subprocess.run([ROOT / "Units/system-generators/mdc-agent", tmp_path], check=True, timeout=60)
    made = tmp_path / "mdc-agent.service.d/kernel-log.conf"
    try:
        os.close(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        assert not made.exists(), "without it the agent would not start"
    else:
        assert made.read_text() == "[Service]\nStandardInput=file:/dev/kmsg\n"


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_keeps_no_capability_and_has_a_user_of_its_own(unit):
    text = (ROOT / "Units" / unit).read_text()
    assert re.search(r"^CapabilityBoundingSet=$", text, re.M)
    assert re.search(r"^NoNewPrivileges=yes$", text, re.M)
    assert re.search(r"^User=mdc-", text, re.M)
    assert re.search(r"^Type=notify$", text, re.M) and re.search(r"^WatchdogSec=", text, re.M)
