"""The laws of DESTINATIONS, and what each kind says to its receiver."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.connectors.destinations import DESTINATIONS, Payload
from experiments.model.assigned import Assigned

AT = 1_767_225_600_000_000  # 2026-01-01


def _row(number, unit=None):
    return Assigned(
        f"d_{number}", unit or f"u{number}", "e", 1, "v", "gift", "bogo", "coupon", 5.0, 0.5, AT, AT + 1, {"t": "ü"}
    )


def _payload(count=3, **options):
    return Payload(7, 0, "e", AT, [_row(n) for n in range(count)], options)


@pytest.fixture(params=DESTINATIONS)
def name(request):
    return request.param


def test_its_document_names_every_unit_arm_and_payload(name):
    kind = DESTINATIONS[name]
    written = json.dumps(kind.body(_payload()), ensure_ascii=False)
    for number in range(3):
        assert f'"u{number}"' in written
        assert f"d_{number}" in written
    assert written.count("gift") >= 3
    assert written.count("ü") + written.count("u00fc") == 3


def test_every_option_shows_in_its_document(name):
    kind = DESTINATIONS[name]
    for option in kind.options:
        assert "a_choice" in json.dumps(kind.body(_payload(**{option: "a_choice"})))


@given(
    answer=st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["errors", "index", "refused", "statusCodes", "batch_index", "invalidUserIds", "failedUpdates", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
@pytest.mark.parametrize("kind", DESTINATIONS.values(), ids=list(DESTINATIONS))
def test_whatever_the_receiver_answers_is_read(kind, answer):
    refused = kind.refused(answer, _payload())
    assert set(refused) <= {0, 1, 2}
    assert all(isinstance(why, str) for why in refused.values())


def test_a_plain_answer_refuses_nobody(name):
    assert DESTINATIONS[name].refused({"message": "success"}, _payload()) == {}


@pytest.mark.parametrize(
    ("name", "answer", "refused"),
    [
        ("webhook", {"refused": [{"decision_id": "d_1", "reason": "no consent"}]}, {1: "no consent"}),
        ("braze", {"errors": [{"type": "bad id", "input_array": "events", "index": 2}]}, {2: "bad id"}),
        ("iterable", {"failCount": 1, "invalidUserIds": ["u1"]}, {1: "invalidUserIds"}),
        ("iterable", {"failedUpdates": {"forgottenUserIds": ["u0"]}}, {0: "forgottenUserIds"}),
        ("iterable", {"disallowedEventNames": ["x"]}, dict.fromkeys(range(3), "disallowedEventNames")),
        ("customerio", {"errors": [{"batch_index": 0, "message": "no such person"}]}, {0: "no such person"}),
        ("mautic", {"statusCodes": [201, 400, 200]}, {1: "status 400"}),
    ],
)
def test_rows_that_a_receiver_did_not_take(name, answer, refused):
    assert DESTINATIONS[name].refused(answer, _payload()) == refused


def test_it_is_pushed_with_its_credential_and_recorded(name, outbound):
    kind, receiver = DESTINATIONS[name], outbound.receiver
    decided = outbound.decide("ana", "ben")
    outbound.destination(kind=name, credential_env="WINBACK_SECRET_CRM")
    shown = outbound.push()
    assert (shown["status"], shown["sent"], shown["refused"]) == ("done", 2, 0), shown
    (seen,) = receiver.seen
    assert seen.path == (kind.path or "/")
    assert seen.headers["webhook-id"].startswith("msg_")
    if kind.credential is not None:
        sent = " ".join(seen.headers.values())
        encoded = base64.b64encode(b"site:very-secret-key").decode()
        assert "site:very-secret-key" in sent or encoded in sent
    for decision_id in decided.values():
        (outcome,) = outbound.outcomes(decision_id)
        assert (outcome["kind"], outcome["source"], outcome["class"]) == ("delivered", "delivery", "accepted")
    everything = json.dumps([outbound.client.get(path).json() for path in ("/v1/audit", "/v1/destinations")])
    assert "very-secret" not in everything and "MfKQ" not in everything
