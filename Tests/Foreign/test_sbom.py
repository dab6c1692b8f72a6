"""The bill of materials names what is really linked and installed, says why, and is SPDX to a tool of others."""
import hashlib
import json
import re
import subprocess

import pytest

from conftest import ROOT, binary


@pytest.fixture(scope="module")
def bill(tmp_path_factory):
    for name in ("mdc-agent", "mdc-sim"):
        if not (ROOT / ".build" / "release" / name).exists():
            pytest.skip(f"{name} is not built")
    done = subprocess.run([ROOT / "Units" / "sbom"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    path = tmp_path_factory.mktemp("sbom") / "bill.spdx.json"
    path.write_text(done.stdout)
    return path


def test_every_library_that_the_agent_maps_itself_has_its_package_version_and_reason(bill):
    document = json.loads(bill.read_text())
    packages = {package["name"]: package for package in document["packages"]}
    needed = re.findall(r"NEEDED\s+(\S+)", subprocess.run(
        ["objdump", "-p", ROOT / ".build" / "release" / "mdc-agent"], capture_output=True, text=True, check=True).stdout)
    assert {"libmosquitto.so.1", "libssl.so.3", "libsqlite3.so.0"} <= set(needed)
    for package, version in re.findall(r"(\S+) (\S+)", subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", "libmosquitto1", "libssl3", "libsqlite3-0"],
            capture_output=True, text=True, check=True).stdout):
        assert packages[package]["versionInfo"] == version
    assert all(package["comment"] for package in packages.values())
    program = (ROOT / ".build" / "release" / "mdc-agent").read_bytes()
    assert packages["mdc-agent"]["checksums"][0]["checksumValue"] == hashlib.sha256(program).hexdigest()
    # Every relation is between two that are there.
    ids = {package["SPDXID"] for package in document["packages"]} | {"SPDXRef-DOCUMENT"}
    assert all({r["spdxElementId"], r["relatedSpdxElement"]} <= ids for r in document["relationships"])


def test_the_same_sources_give_the_same_bytes(bill):
    again = subprocess.run([ROOT / "Units" / "sbom"], capture_output=True, text=True, timeout=120)
    assert again.stdout == bill.read_text()


def test_a_tool_of_others_reads_it(bill):
    parse = pytest.importorskip("spdx_tools.spdx.parser.parse_anything")
    validate = pytest.importorskip("spdx_tools.spdx.validation.document_validator")
    assert validate.validate_full_spdx_document(parse.parse_file(str(bill))) == []
