"""Finds the scenarios, boots the machine, runs them and counts."""
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import traceback

from .container import Container
from .machine import RigFault

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
UNAVAILABLE = 69


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
    build = subprocess.run([str(HERE / "build")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(build.stderr)
    if build.returncode == UNAVAILABLE:
        return skip_all(chosen, build.stderr.strip().splitlines()[-1])
    if build.returncode != 0:
        print("the rig does not build")
        print(f"\n0 passed, {len(chosen)} failed")
        return 1
    image = pathlib.Path(build.stdout.strip().splitlines()[-1])
    with tempfile.TemporaryDirectory(prefix="mdc-rig-") as folder:
        return run_all(chosen, image, pathlib.Path(folder))


def run_all(chosen, image, folder):
    passed = failed = skipped = 0
    container = Container(image, folder, ROOT)
    try:
        try:
            started = time.monotonic()
            container.install()
            print(f"installed and booted in {time.monotonic() - started:.1f} s", flush=True)
        except (RigFault, subprocess.CalledProcessError) as fault:
            print(f"the container does not start: {fault}\n{container.story()}")
            print(f"\n0 passed, {len(chosen)} failed")
            return 1
        for name, title, run in chosen:
            started = time.monotonic()
            try:
                said = run(container)
                verdict = "passed"
                passed += 1
            except Skipped as why:
                said, verdict = str(why), "skipped"
                skipped += 1
            except Exception as fault:  # a scenario's own mistake is a failure like any other
                detail = str(fault) if isinstance(fault, (RigFault, AssertionError)) else traceback.format_exc()
                said, verdict = f"{title}\n{detail}\n{container.story()}", "failed"
                failed += 1
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


class Skipped(Exception):
    """Raised by a scenario that cannot run here, with the reason."""
