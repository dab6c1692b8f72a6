"""`make bench-check`: what counts as worse than the runs that are kept."""
import json
import shutil
import subprocess

import pytest

from conftest import ROOT


@pytest.fixture
def report(tmp_path):
    (tmp_path / "Bench").mkdir()
    script = shutil.copy(ROOT / "Tests/bench-report", tmp_path)

    def run(what, *figures):
        named = [dict(name=name, unit=unit, goal=goal, value=1, ratio=ratio) for name, unit, goal, ratio in figures]
        (tmp_path / "bench.json").write_text(json.dumps(named))
        done = subprocess.run([script, what, tmp_path / "bench.json"], capture_output=True, text=True)
        return done.returncode, done.stdout

    return run


def test_less_of_a_rate_and_more_of_a_time_are_worse(report):
    report("keep", ("rounds", "1/s", "at least as many", 1.0), ("wait", "us", "told", 1.0))
    assert report("check", ("rounds", "1/s", "at least as many", 1.5), ("wait", "us", "told", 0.5))[0] == 0
    status, said = report("check", ("rounds", "1/s", "at least as many", 0.88), ("wait", "us", "told", 1.12))
    assert status == 1 and "rounds: ratio 0.88" in said and "wait: ratio 1.12" in said and "0 passed, 2 failed" in said


def test_the_worst_of_the_kept_runs_counts(report):
    for ratio in (1.0, 0.8, 1.2):
        report("keep", ("rounds", "1/s", "at least as many", ratio))
    assert report("check", ("rounds", "1/s", "at least as many", 0.75))[0] == 0
    assert report("check", ("rounds", "1/s", "at least as many", 0.7))[0] == 1


def test_what_was_never_kept_is_not_compared(report):
    report("keep", ("rounds", "1/s", "told", 1.0))
    assert report("check", ("other", "us", "told", 9.0)) == (0, "0 passed, 0 failed\n")
