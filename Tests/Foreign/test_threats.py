"""Units/THREATS.md is a promise: every line names a test, and that test is there."""
import re

from conftest import ROOT


def test_every_line_of_the_threat_page_names_a_test_that_exists():
    rows = [line for line in (ROOT / "Units" / "THREATS.md").read_text().splitlines() if line.startswith("| ")]
    lines = [row.strip("| ").split(" | ") for row in rows[1:]]
    assert len(lines) > 15 and all(len(line) == 5 for line in lines), [line for line in lines if len(line) != 5]
    text = "".join(
        path.read_text() for folder in (ROOT / "Tests").iterdir() if folder.is_dir()
        for path in folder.iterdir() if path.suffix in (".swift", ".py"))
    for *_, proof in lines:
        name = re.fullmatch(r"`(.+)`", proof.strip())[1]
        pattern = rf"^def {name}\(" if name.startswith("test_") else rf"func `{re.escape(name)}"
        assert re.search(pattern, text, re.M), f"no test is named {name}"
