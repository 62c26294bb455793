"""The description of the API holds together."""

import json

from api.app import create_app
from experiments.settings import Settings


def _document():
    return create_app(Settings(_env_file=None)).openapi()


def _references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from _references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _references(inner)


def test_every_reference_leads_somewhere():
    document = _document()
    json.dumps(document, allow_nan=False)
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(_references(document)) <= known


def test_every_call_says_what_it_does_and_gives():
    for path, operations in _document()["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation.get("description"), where
            good = [status for status in operation["responses"] if status.startswith("2")]
            assert good, where
            if "204" not in good:
                assert all(operation["responses"][status]["content"] for status in good), where


def test_no_two_calls_share_a_name():
    names = [op["operationId"] for operations in _document()["paths"].values() for op in operations.values()]
    assert len(names) == len(set(names))


def test_what_an_experiment_is_is_described_in_full():
    schemas = _document()["components"]["schemas"]
    assert {"arms", "variants", "objective", "layer", "ramp"} <= set(schemas["Definition"]["properties"])
    assert "unit_id" in schemas["Assignment"]["properties"]
