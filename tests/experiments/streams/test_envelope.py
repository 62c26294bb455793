"""Envelopes: whatever arrives is opened or refused with a reason, nothing else."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.broker_place import cloud_event, enveloped, malformed
from experiments.ingestion.envelope import MOST_ROWS, MalformedError, open_envelope, rows_of, sealed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(st.binary(max_size=200))
def test_any_bytes_are_opened_or_refused(body):
    with pytest.raises(MalformedError, match=r"\w"):
        open_envelope(body, "outcome")


@given(JSON)
def test_any_json_is_opened_or_refused(document):
    try:
        rows_of(open_envelope(msgspec.json.encode(document), "outcome"))
    except MalformedError as error:
        assert str(error)


@given(st.lists(JSON, max_size=5), st.sampled_from([enveloped, cloud_event]))
def test_rows_come_out_as_they_went_in(rows, envelope):
    opened = open_envelope(msgspec.json.encode(envelope(rows, "7")), "outcome")
    assert [msgspec.json.decode(row) for row in rows_of(opened)] == rows
    again = open_envelope(sealed("outcome", opened.id, opened.source, opened.data), "outcome")
    assert again[:3] == opened[:3]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (enveloped({}) | {"v": 2}, "version 2"),
        (enveloped({}, kind="profile"), "of type 'profile'; this stream takes 'outcome'"),
        (cloud_event({}) | {"specversion": "2.0"}, "CloudEvents 2.0"),
        (cloud_event({}) | {"source": ""}, "an id and a source"),
        (cloud_event({}, kind="arm"), "takes 'winback.outcome.v1'"),
        ({"type": "outcome", "data": {}}, "neither v"),
        ({"v": 1, "type": "outcome"}, "no data"),
        ({"v": 1, "data": {}}, "type"),
        (enveloped({}, "x" * 600), "longer than"),
    ],
)
def test_the_reason_names_what_is_wrong(document, says):
    with pytest.raises(MalformedError, match=says):
        open_envelope(msgspec.json.encode(document), "outcome")


def test_a_message_holds_a_thousand_rows():
    opened = open_envelope(msgspec.json.encode(enveloped([1] * MOST_ROWS)), "outcome")
    assert len(rows_of(opened)) == MOST_ROWS
    with pytest.raises(MalformedError, match="1,001 rows"):
        rows_of(open_envelope(msgspec.json.encode(enveloped([1] * (MOST_ROWS + 1))), "outcome"))


def test_the_traffic_of_the_proofs_is_malformed_in_every_way():
    assert len({malformed(number)[0] for number in range(60)}) == 60
