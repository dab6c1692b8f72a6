"""The Debian packages in a root of their own: installed, upgraded, removed and purged as users do it, with
nothing of the owner's lost and nothing of ours left. (Their services run under a real systemd in the rig.)"""
import hashlib
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import ROOT, binary

ROOTS = ROOT / ".deps" / "package-root.tar"


def run(*command, **keywords):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, **keywords)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def packages():
    binary("mdc-agent"), binary("mdc-sim")
    for tool in ("dpkg-deb", "mmdebstrap"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    if os.geteuid() != 0:
        pytest.skip("a root of its own needs root")
    run("Units/deb", cwd=ROOT)
    return sorted((ROOT / ".build").glob("mdc-*.deb"))


@pytest.fixture(scope="module")
def container(packages, tmp_path_factory):
    """A small Debian with what the packages depend on, and neither of them."""
    depends = set()
    for package in packages:
        for term in run("dpkg-deb", "-f", package, "Depends").split(","):
            name = term.split("|")[0].split("(")[0].strip()
            if not name.startswith("mdc-"):
                depends.add(name)
    release = dict(line.split("=", 1) for line in open("/etc/os-release").read().splitlines() if "=" in line)
    want = f"{release['VERSION_CODENAME']} {sorted(depends)}"
    marker = ROOTS.with_suffix(".for")
    if not ROOTS.exists() or marker.read_text() != want:
        made = subprocess.run(
            ["mmdebstrap", "-q", "--variant=minbase", f"--include={','.join(sorted(depends))}",
             release["VERSION_CODENAME"].strip('"'), str(ROOTS)], capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip(f"no root could be made: {made.stderr.strip().splitlines()[-1:]}")
        marker.write_text(want)
    folder = tmp_path_factory.mktemp("container") / "root"
    folder.mkdir()
    run("tar", "-C", folder, "-xf", ROOTS, "--exclude=./dev/*")
    (folder / "dev" / "null").write_text("")
    (folder / "dev" / "null").chmod(0o666)
    yield Container(folder)
    shutil.rmtree(folder)


class Container:
    def __init__(self, folder):
        self.folder = folder

    def run(self, *command):
        # With a /proc of its own, which systemd's tools want; it goes with the command.
        return run(
            "unshare", "--mount", "--pid", "--fork", f"--mount-proc={self.folder}/proc", "chroot", self.folder,
            *command, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})

    def install(self, *packages):
        for package in packages:
            shutil.copy(package, self.folder / "tmp")
        self.run("dpkg", "--force-confdef", "-i", *[f"/tmp/{package.name}" for package in packages])

    def files(self):
        """Everything that a removal must give back: all but dpkg's books, logs and what this test brings."""
        skipped = ("var/lib/dpkg", "var/log", "var/cache", "tmp", "dev", "proc", "sys")
        found = set()
        for path in self.folder.rglob("*"):
            name = str(path.relative_to(self.folder))
            if not name.startswith(skipped) and "__pycache__" not in name:
                found.add(name)
        return found


def newer(package, folder):
    """The same package under the next version, and with another shipped site file."""
    tree = folder / package.stem
    run("dpkg-deb", "-R", package, tree)
    control = tree / "DEBIAN" / "control"
    version = run("dpkg-deb", "-f", package, "Version").strip()
    control.write_text(control.read_text().replace(version, version + "+next"))
    site = tree / "etc" / "mdc-agent" / "site.yaml"
    if site.exists():
        site.write_text(site.read_text() + "# the next version says more\n")
    result = folder / f"{package.name.split('_')[0]}_next.deb"
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, result)
    return result


def test_a_life_from_installation_to_purge_loses_nothing_of_the_owners_and_leaves_nothing_of_ours(
        container, packages, tmp_path):
    before = container.files()
    container.install(*packages)
    root = container.folder
    assert "0." in container.run("mdc-agent", "--version")
    assert (root / "usr/bin/mdc-sim").exists()
    users = (root / "etc/passwd").read_text()
    assert "mdc-agent:" in users and "mdc-inference:" in users
    # The shipped site file is safe and right on an empty machine, and both services' users can read it.
    for folder in ("run/mdc-agent", "run/mdc-inference"):
        (root / folder).mkdir()  # systemd's part, at start
        (root / folder).chmod(0o777)
    container.run("mdc-agent", "check")
    for user, words in (("mdc-agent", ["mdc-agent", "check"]), ("mdc-inference", ["cat", "/etc/mdc-agent/site.yaml"])):
        container.run("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *words)
    wanted = root / "etc/systemd/system/multi-user.target.wants"
    assert (wanted / "mdc-agent.service").is_symlink() and (wanted / "mdc-inference.service").is_symlink()
    assert (root / "etc/systemd/system/sockets.target.wants/mdc-agent.socket").is_symlink()

    # The owner's: a site file, a drop-in, a disabled service, a journal.
    site = root / "etc/mdc-agent/site.yaml"
    site.write_text("site: mine\ntitle: The owner's container\n")
    (root / "etc/mdc-agent/site.d/10-more.yaml").write_text("title: The owner's drop-in\n")
    (root / "var/lib/mdc-agent/journal.sqlite").write_bytes(b"the container's memory")
    container.run("systemctl", "disable", "mdc-inference.service")
    container.install(*[newer(package, tmp_path) for package in packages])
    assert site.read_text().startswith("site: mine")
    assert (root / "etc/mdc-agent/site.d/10-more.yaml").exists()
    assert (root / "var/lib/mdc-agent/journal.sqlite").read_bytes() == b"the container's memory"
    assert not (wanted / "mdc-inference.service").is_symlink(), "an upgrade enabled what the owner had disabled"
    assert "+next" in container.run("dpkg-query", "-W", "mdc-agent")

    container.run("dpkg", "--remove", "mdc-sim", "mdc-agent")
    assert not (root / "usr/bin/mdc-agent").exists()
    assert site.exists() and (root / "var/lib/mdc-agent/journal.sqlite").exists()
    container.run("dpkg", "--purge", "mdc-sim", "mdc-agent")
    # Users stay, as Debian's policy wants: their numbers must not be given to somebody else.
    left = {name for name in container.files() - before if not name.startswith(("etc/systemd/system", "run/"))}
    assert left == set()
    assert not list((root / "etc/systemd/system").rglob("mdc-*"))


def test_the_same_files_make_the_same_package(packages):
    def hashes():
        return [hashlib.sha256(package.read_bytes()).hexdigest() for package in packages]

    first = hashes()
    run("Units/deb", cwd=ROOT)
    assert hashes() == first


def test_lintian_has_nothing_to_say(packages):
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    result = subprocess.run(["lintian", "--allow-root", "--tag-display-limit", "0", *map(str, packages)],
                            capture_output=True, text=True)
    assert result.stdout == ""
