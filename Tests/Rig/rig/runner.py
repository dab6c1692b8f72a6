"""Finds the scenarios, boots the machine, runs them and counts."""
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import traceback

from .budget import Budget, RigFault
from .container import Container

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
UNAVAILABLE = 69
# What must be left of the run's time for the scenarios themselves.
RUN_NEEDS = 240


def no_time(budget):
    return f"the run's limit of {budget.limit:.0f} s is over on a machine {budget.slowness:.1f} times slower (RIG_LIMIT)"


class Skipped(Exception):
    """Raised by a scenario that cannot run here, with the reason."""


def scenarios():
    """Each file of scenarios/ in name order: its name without the number, its first line, its `run`."""
    found = []
    for path in sorted((HERE / "scenarios").glob("*.py")):
        specification = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        name = path.stem.split("-", 1)[1] if path.stem[0].isdigit() else path.stem
        found.append((name, (module.__doc__ or "").strip().splitlines()[0], module.run))
    return found


def skip_all(chosen, why):
    for name, _, _ in chosen:
        print(f"skipped {name}: {why}")
    print(f"\n0 passed, 0 failed, {len(chosen)} skipped")
    return 0


def main(words):
    everything = scenarios()
    if words == ["--list"]:
        for name, title, _ in everything:
            print(f"{name}: {title}")
        return 0
    chosen = [s for s in everything if not words or any(word in s[0] for word in words)]
    if not chosen:
        print(f"no scenario is named like {' '.join(words)}; see --list", file=sys.stderr)
        return 64
    budget = Budget()
    try:
        build = subprocess.run([str(HERE / "build")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               timeout=max(60, budget.left - RUN_NEEDS))
    except subprocess.TimeoutExpired:
        return skip_all(chosen, "making the image took too long (a slow mirror?): Tests/Rig/build makes it by itself")
    sys.stderr.write(build.stderr)
    if build.returncode == UNAVAILABLE:
        return skip_all(chosen, build.stderr.strip().splitlines()[-1])
    if build.returncode != 0:
        print("the rig does not build")
        print(f"\n0 passed, {len(chosen)} failed")
        return 1
    image = pathlib.Path(build.stdout.strip().splitlines()[-1])
    with tempfile.TemporaryDirectory(prefix="mdc-rig-") as folder:
        return run_all(chosen, image, pathlib.Path(folder), budget)


def run_all(chosen, image, folder, budget):
    passed = failed = skipped = 0
    container = Container(image, folder, ROOT, budget)
    try:
        try:
            started = time.monotonic()
            # How slow this machine is shows only here: it may take all the time there is.
            budget.begin_scenario(budget.left)
            container.install()
            print(f"booted and installed in {time.monotonic() - started:.1f} s; this machine is "
                  f"{budget.slowness:.1f} times slower than a quiet one", flush=True)
        except (RigFault, subprocess.CalledProcessError) as fault:
            if budget.left <= 0:
                return skip_all(chosen, no_time(budget))
            print(f"failed to install: {fault}\n{container.story()}")
            print(f"\n0 passed, {len(chosen)} failed")
            return 1
        for name, title, run in chosen:
            if budget.left <= 0:
                print(f"skipped {name}: {no_time(budget)}", flush=True)
                skipped += 1
                continue
            started = time.monotonic()
            budget.begin_scenario()
            try:
                said = run(container)
                verdict = "passed"
                passed += 1
            except Skipped as why:
                said, verdict = str(why), "skipped"
                skipped += 1
            except Exception as fault:  # a scenario's own mistake is a failure like any other
                if budget.left <= 0 and time.monotonic() - started < budget.scenario:
                    print(f"skipped {name}, begun: {no_time(budget)}", flush=True)
                    skipped += 1
                    continue
                detail = str(fault) if isinstance(fault, (RigFault, AssertionError)) else traceback.format_exc()
                said, verdict = f"{title}\n{detail}", "failed"
                failed += 1
                # Time to look and to mend, also after the scenario's own time is over.
                budget.begin_scenario()
                said += "\n" + container.story()
                if name != chosen[-1][0]:
                    container.recover()
            print(f"{verdict} {name} ({time.monotonic() - started:.1f} s){': ' + said if said else ''}", flush=True)
        if os.environ.get("RIG_KEEP"):
            print(f"kept in {folder}: press Enter to end", file=sys.stderr)
            sys.stdin.readline()
    finally:
        container.machine.stop()
    tail = f", {skipped} skipped" if skipped else ""
    print(f"\n{passed} passed, {failed} failed{tail}")
    return 1 if failed else 0
