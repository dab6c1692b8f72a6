"""The units as systemd's own tools judge them."""
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


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_keeps_no_capability_and_has_a_user_of_its_own(unit):
    text = (ROOT / "Units" / unit).read_text()
    assert re.search(r"^CapabilityBoundingSet=$", text, re.M)
    assert re.search(r"^NoNewPrivileges=yes$", text, re.M)
    assert re.search(r"^User=mdc-", text, re.M)
    assert re.search(r"^Type=notify$", text, re.M) and re.search(r"^WatchdogSec=", text, re.M)
