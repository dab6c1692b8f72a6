"""The hardware library as editors see it: every file obeys the JSON Schema that is shipped beside it."""
import json

import jsonschema
import pytest
import yaml

from conftest import ROOT

KINDS = {"equipment": "equipment.json", "sites": "site.json", "accelerators": "accelerator.json", "wiring": "wiring.json"}
FILES = [(kind, path) for kind in KINDS for path in sorted((ROOT / "Hardware" / kind).glob("*.yaml"))]


class Texts(yaml.SafeLoader):
    """YAML as our reader sees it: yes and no are flags, 0x10 a number, a date stays text."""


Texts.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def written(loader, node):
    """Keys as they are written: a state's code is text to JSON Schema, as all keys are."""
    return {key.value: loader.construct_object(value, deep=True) for key, value in node.value}


Texts.add_constructor("tag:yaml.org,2002:map", written)


@pytest.mark.parametrize("kind,path", FILES, ids=[f"{kind}/{path.name}" for kind, path in FILES])
def test_a_shipped_file_obeys_its_schema(kind, path):
    described = ROOT / "Hardware" / "schema" / KINDS[kind]
    if not described.exists():
        pytest.skip(f"{described.name} is not there yet")
    schema = json.loads(described.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    faults = list(jsonschema.Draft202012Validator(schema).iter_errors(yaml.load(path.read_text(), Texts)))
    assert not faults, "\n".join(f"{'/'.join(map(str, f.absolute_path))}: {f.message}" for f in faults[:10])
