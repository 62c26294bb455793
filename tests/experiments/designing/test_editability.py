"""The table of what may change when, its documentation, and merge patches."""

from pathlib import Path

import pytest

from experiments.model.designing.definition import Definition
from experiments.model.designing.editability import EDITABILITY, as_markdown, forbidden
from experiments.model.designing.states import LIVE, STATUSES, TRANSITIONS
from experiments.model.merging import merge_patch

PAGE = Path(__file__).resolve().parents[3] / "docs" / "editability.md"


def test_every_field_is_in_the_table():
    assert set(EDITABILITY) == set(Definition.model_fields)


def test_the_page_is_the_table():
    assert PAGE.read_text(encoding="utf-8") == as_markdown()


def test_the_table_says_what_the_contract_says():
    free = {"name", "caps", "quiet_hours", "budget", "ends_at", "guardrails", "stop"}
    revised = {"variants", "arms", "objective", "attribution_window", "decision_window", "learning_window", "grace"}
    revised |= {"cap_revenue"}
    for name, rule in EDITABILITY.items():
        assert rule.while_running == (name in free | revised | {"shadow"})
        if name in free:
            assert not rule.opens_revision
        if name in revised:
            assert rule.opens_revision


@pytest.mark.parametrize("status", STATUSES)
def test_nothing_is_forbidden_where_nothing_changes(status):
    assert forbidden(set(), status) == set()


def test_the_states_are_the_contracts():
    assert {target for _, target in TRANSITIONS.values()} | {"draft"} == set(STATUSES)
    assert set(LIVE) < set(STATUSES)


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7386(target, patch, merged):
    assert merge_patch(target, patch) == merged
