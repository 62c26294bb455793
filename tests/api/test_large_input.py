"""Large and faulty input: told in a bounded number of sentences, and read in time that grows with its size only."""

import json

import msgspec
import pytest

from api.schemas.faults import MOST_FAULTS, faults_of
from api.schemas.rows import LARGE, MOST_FAULTS_OF_A_ROW, MOST_FAULTS_OF_ROWS, read_body, read_rows
from experiments.errors import InvalidError
from experiments.model.checks import study
from experiments.model.checks.shape import MAX_DEPTH, MOST_ITEMS, MOST_MEMBERS, MOST_VALUES, value_faults
from experiments.services.deciding.messages import Assignment
from tests.api.conftest import CAMPAIGN


def wide(count, value):
    return {f"k{n:05d}": value for n in range(count)}


def told(kind, body):
    return [(fault.pointer, fault.detail) for fault in faults_of(kind, json.dumps(body).encode())]


def test_too_many_members_are_one_fault():
    said = told(Assignment, {"unit_id": "u", "context": wide(80_000, [1])})
    assert said == [("/context", "has 80,000 members; an object may have 1,000")]
    assert told(Assignment, wide(80_000, 1)) == [("", "has 80,000 members; an object may have 1,000")]
    said = told(Assignment, {"unit_id": [1] * 20_000})
    assert said == [("/unit_id", "has 20,000 items; a list may have 10,000")]


def test_many_faults_are_counted():
    said = told(Assignment, {"unit_id": "u", "context": wide(MOST_MEMBERS, [1])})
    assert len(said) == MOST_FAULTS + 1
    assert said[0][0] == "/context/k00000"
    assert said[-1] == ("", f"and {MOST_MEMBERS - MOST_FAULTS} more")


def test_what_is_known_is_told_once():
    said = told(Assignment, {"unit_id": "u", **wide(3, 1)})
    assert [detail for _, detail in said] == [
        "unknown; known: unit_id, context, idempotency_key, at, arm, force",
        "unknown",
        "unknown",
    ]


def test_places_inside_a_field_are_pointers():
    said = dict(told(Assignment, {"unit_id": 7, "context": {"a/b": [1], "": 1}, "at": "yesterday"}))
    assert set(said) == {"/unit_id", "/context/a~1b", "/context/", "/at"}


@pytest.fixture(scope="module")
def running(sqlite_service):
    """A service with an experiment that runs."""
    sqlite_service.client.post("/v1/experiments", json={**CAMPAIGN, "key": "x"})
    assert sqlite_service.client.post("/v1/experiments/x/start").status_code == 200
    return sqlite_service


@pytest.mark.parametrize("path", ["/v1/experiments/x/assignments/batch", "/v1/outcomes"])
def test_bad_rows_without_end_are_answered_briefly(running, path):
    answer = running.client.post(path, json=[{"unit_id": "u", **wide(60, 1)}] * 1_000)
    assert answer.status_code == 200
    listed = [len(each["errors"]) for each in answer.json()["results"]]
    assert len(listed) == 1_000
    assert max(listed) == MOST_FAULTS_OF_A_ROW + 1
    assert min(listed) == 1
    assert sum(listed) < MOST_FAULTS_OF_ROWS + 2 * 1_000
    assert len(answer.content) < 1_000_000


def test_a_batch_of_many_rows_in_the_body_is_taken(running):
    rows = [{"unit_id": f"u{n}", "context": {"days_inactive": 40}} for n in range(MOST_ITEMS + 1)]
    assert running.client.post("/v1/experiments/x/batches", json={"assignments": rows}).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/ofrep/v1/evaluate/flags/x", {"context": {"targetingKey": "u", **wide(1_001, 1)}}),
        ("POST", "/v1/plans", {"metric": {"base": 0.1}, **wide(1_001, 1)}),
        ("PUT", "/v1/settings/tracking", {"events": wide(1_001, [{"kind": "session"}])}),
        ("PUT", "/v1/units/u", {"profile": wide(1_001, 1)}),
        ("POST", "/v1/experiments/x/assignments", {"unit_id": "u", "context": wide(1_001, 1)}),
        ("POST", "/v1/experiments/x/assignments", {"unit_id": "u", **wide(1_001, 1)}),
        ("POST", "/v1/experiments", {**CAMPAIGN, "key": "y", **wide(1_001, 1)}),
        ("PATCH", "/v1/experiments/x", wide(1_001, 1)),
    ],
)
def test_more_than_a_thousand_members_are_refused(running, method, path, body):
    answer = running.client.request(method, path, json=body)
    assert answer.status_code in (400, 422)
    assert "1,000" in answer.text or "1000" in answer.text


class TestDefinitions:
    """The document of an experiment."""

    def faults(self, **fields):
        document = {
            "key": "x",
            "arms": [{"key": "a"}],
            "variants": [{"key": "v", "share": 1, "policy": {"name": "uniform"}}],
        }
        reading = study({**document, **fields})
        return [(fault.pointer, fault.detail) for fault in reading.faults]

    def test_sizes_are_limited(self):
        assert self.faults() == []
        arm = {"key": "a", "payload": wide(MOST_MEMBERS, 1)}
        assert self.faults(arms=[arm]) == []
        arm["payload"]["one more"] = 1
        assert self.faults(arms=[arm]) == [("/arms/0/payload", "has 1,001 members; an object may have 1,000")]
        arm["payload"] = {"list": [0] * (MOST_ITEMS + 1)}
        assert self.faults(arms=[arm]) == [("/arms/0/payload/list", "has 10,001 items; a list may have 10,000")]
        arm["payload"] = {f"list {n}": [0] * MOST_ITEMS for n in range(3)}
        ((pointer, detail),) = self.faults(arms=[arm])
        assert pointer == ""
        assert detail.endswith(f"values in all; a definition may have {MOST_VALUES:,}")

    def test_depth_is_limited(self):
        deep = []
        for _ in range(MAX_DEPTH + 5):
            deep = [deep]
        ((pointer, detail),) = self.faults(arms=[{"key": "a", "payload": {"deep": deep}}])
        assert pointer.startswith("/arms/0/payload/deep/0/0")
        assert detail == "is nested deeper than 40"

    def test_faults_are_counted(self):
        said = self.faults(arms=[{"key": f"a{n}", "attributes": wide(10, [n])} for n in range(100)])
        assert len(said) <= MOST_FAULTS + 1
        assert ("", "and 3,900 more faults; these are the first 100") in said

    def test_many_values_that_no_database_keeps(self):
        said = value_faults({"a": ["\0"] * 5_000}, "/here")
        assert len(said) == MOST_FAULTS + 1
        assert said[0].pointer == "/here/a/0"
        assert said[-1].pointer == "/here"


class _Small(msgspec.Struct, forbid_unknown_fields=True):
    unit_id: str


@pytest.mark.parametrize("size", [LARGE - 100, LARGE + 1])
def test_of_a_large_document_the_first_fault_is_told(size):
    body = json.dumps({"unit_id": 1, "other": "x" * size}).encode()
    decoder = msgspec.json.Decoder(_Small)
    with pytest.raises(InvalidError) as refused:
        read_body(decoder, body)
    (first, *others), large = refused.value.faults, len(body) > LARGE
    told = {first.pointer, *(each.pointer for each in others)}
    assert told == ({"/unit_id", ""} if large else {"/unit_id", "/other"})
    (row,) = read_rows(decoder, [body])
    assert len(row) == (1 if large else 2)
