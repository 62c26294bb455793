"""OFREP: the real OpenFeature SDK against a running server, and the protocol's own answers."""

import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from openfeature import api
    from openfeature.contrib.provider.ofrep import OFREPProvider
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.exception import ErrorCode
    from openfeature.flag_evaluation import Reason

from experiments.model.access.principal import SYSTEM
from experiments.services.access.granting_keys import create_key

FLAGS = "/ofrep/v1/evaluate/flags"


def _definition(**changes):
    return {
        "key": "e",
        "arms": [{"key": "gift", "payload": {"template": "t1"}, "reward_amount": 5, "event_type": "bogo"}],
        "variants": [{"key": "v", "share": 1, "policy": {"name": "fixed", "params": {"arm": "gift"}}}],
    } | changes


def _launch(client, **changes):
    definition = _definition(**changes)
    assert client.post("/v1/experiments", json=definition).status_code == 201
    assert client.post(f"/v1/experiments/{definition['key']}/start").status_code == 200


class _Http:
    """Just enough of the in-process client, over the socket."""

    def __init__(self, listening):
        import httpx

        self._client = httpx.Client(base_url=listening.url, headers={"Authorization": f"Bearer {listening.key}"})
        self.post, self.get, self.close = self._client.post, self._client.get, self._client.close


@pytest.fixture
def remote(listening):
    client = _Http(listening)
    yield client
    client.close()


@pytest.fixture
def flags(listening, remote):
    """An OpenFeature client whose provider is the real one."""
    provider = OFREPProvider(
        listening.url, headers_factory=lambda: {"Authorization": f"Bearer {listening.key}"}, timeout=10
    )
    api.set_provider(provider)
    yield api.get_client()
    provider.session.close()
    api.clear_providers()


def _context(unit, **features):
    return EvaluationContext(unit, features)


def test_the_openfeature_sdk_evaluates_against_the_service(remote, flags):
    _launch(remote)
    ana = _context("ana", days_inactive=40, country="DE", tags=["not", "a", "feature"])
    found = flags.get_string_details("e", "nothing", ana)
    assert (found.value, found.variant, found.reason, found.error_code) == ("gift", "gift", Reason.SPLIT, None)
    decided = remote.post("/v1/experiments/e/assignments", json={"unit_id": "ana"}).json()
    assert decided["reason"] == "repeat"
    assert found.flag_metadata["decision_id"] == decided["decision_id"]
    assert found.flag_metadata["propensity"] == decided["propensity"] == 1.0
    assert found.flag_metadata["experiment_variant"] == "v"
    assert flags.get_object_value("e:payload", {}, ana) == {"template": "t1"}
    assert flags.get_float_value("e:reward_amount", 0.0, ana) == 5.0
    record = remote.get(f"/v1/decisions/{decided['decision_id']}").json()
    assert record["context"] == {"days_inactive": 40, "country": "DE"}
    assert len(remote.get("/v1/experiments/e/decisions").json()["items"]) == 1


def test_the_sdk_gets_its_default_where_nothing_is_drawn(remote, flags):
    _launch(remote, eligible={">=": [{"var": "days_inactive"}, 30]})
    found = flags.get_string_details("e", "mine", _context("ben", days_inactive=3))
    assert (found.value, found.reason, found.error_code) == ("mine", Reason.DEFAULT, None)
    remote.post("/v1/experiments/e/pause")
    paused = flags.get_string_details("e", "mine", _context("cleo", days_inactive=50))
    assert (paused.value, paused.reason) == ("mine", Reason.DISABLED)


@pytest.mark.parametrize(
    ("flag", "context", "code"),
    [
        ("unknown", {"unit": "u"}, ErrorCode.FLAG_NOT_FOUND),
        ("e:colour", {"unit": "u"}, ErrorCode.FLAG_NOT_FOUND),
        ("e", {"unit": ""}, ErrorCode.TARGETING_KEY_MISSING),
        ("e", {"unit": "x" * 600}, ErrorCode.INVALID_CONTEXT),
    ],
)
def test_the_sdk_is_told_what_is_wrong(remote, flags, flag, context, code):
    _launch(remote)
    found = flags.get_string_details(flag, "mine", _context(context["unit"]))
    assert (found.value, found.error_code) == ("mine", code)


def test_a_wrong_type_and_a_wrong_key_are_errors_of_the_sdk(listening, remote, flags):
    _launch(remote)
    assert flags.get_boolean_details("e", False, _context("u")).error_code == ErrorCode.TYPE_MISMATCH
    stranger = OFREPProvider(listening.url)
    api.set_provider(stranger)
    refused = api.get_client().get_string_details("e", "mine", _context("u"))
    stranger.session.close()
    assert (refused.value, refused.error_code, refused.error_message) == ("mine", ErrorCode.GENERAL, "unauthorized")


def _ask(client, flag=None, headers=None, **context):
    path = FLAGS if flag is None else f"{FLAGS}/{flag}"
    return client.post(path, json={"context": context}, headers=headers or {})


def test_bulk_gives_what_is_decided_and_draws_only_where_it_may(client):
    _launch(client)
    _launch(client, key="shy")
    _launch(client, key="eager", ofrep_bulk=True)
    _launch(client, key="closed", ofrep_bulk=True, eligible={"==": [{"var": "tier"}, "gold"]})
    client.post("/v1/experiments", json=_definition(key="draft", ofrep_bulk=True))
    client.post("/v1/experiments/e/assignments", json={"unit_id": "ana"})
    flags = {each["key"]: each for each in _ask(client, targetingKey="ana").json()["flags"]}
    assert list(flags) == ["closed", "e", "eager"]
    assert "value" not in flags["closed"]
    assert (flags["closed"]["reason"], flags["closed"]["metadata"]["winback_reason"]) == ("DEFAULT", "not_eligible")
    assert {flags[key]["value"] for key in ("e", "eager")} == {"gift"}
    decided = {
        key: len(client.get(f"/v1/experiments/{key}/decisions").json()["items"]) for key in ("e", "shy", "eager")
    }
    assert decided == {"e": 1, "shy": 0, "eager": 1}


def test_bulk_answers_304_until_something_changes(client):
    _launch(client, ofrep_bulk=True)
    first = _ask(client, targetingKey="ana")
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = _ask(client, targetingKey="ana", headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert _ask(client, targetingKey="ana", headers={"If-None-Match": '"other"'}).status_code == 200
    assert _ask(client, targetingKey="ben", headers={"If-None-Match": tag}).status_code == 200
    _launch(client, key="another", ofrep_bulk=True)
    assert _ask(client, targetingKey="ana", headers={"If-None-Match": tag}).status_code == 200


def test_bulk_leaves_out_what_has_run_out(client):
    _launch(client, decision_window="PT0S", ofrep_bulk=False)
    client.post("/v1/experiments/e/assignments", json={"unit_id": "ana", "idempotency_key": "k"})
    assert _ask(client, targetingKey="ana").json() == {"flags": []}


def test_on_the_callers_clock_bulk_reads_and_single_evaluation_is_refused(client):
    _launch(client, clock="caller")
    client.post("/v1/experiments/e/assignments", json={"unit_id": "ana", "at": "2026-01-01T00:00:00Z"})
    assert [each["value"] for each in _ask(client, targetingKey="ana").json()["flags"]] == ["gift"]
    assert _ask(client, "e", targetingKey="ben").json()["errorCode"] == "INVALID_CONTEXT"


def test_without_a_window_the_context_has_the_key(client):
    _launch(client, decision_window="PT0S")
    assert "idempotency_key" in _ask(client, "e", targetingKey="ana").json()["errorDetails"]
    ids = {
        _ask(client, "e", targetingKey="ana", idempotency_key=key).json()["metadata"]["decision_id"] for key in "aab"
    }
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "PARSE_ERROR"),
        (b"\xff", 400, "PARSE_ERROR"),
        (b"[]", 400, "INVALID_CONTEXT"),
        (b'{"context": 5}', 400, "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": 5}}', 400, "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "u", "idempotency_key": ""}}', 400, "INVALID_CONTEXT"),
        (b'{"context": {}}', 400, "TARGETING_KEY_MISSING"),
        (b"{}", 400, "TARGETING_KEY_MISSING"),
        (b'{"context": {"targetingKey": "u"}}', 404, "FLAG_NOT_FOUND"),
    ],
)
def test_refusals_have_the_protocols_form(sqlite_service, content, status, code):
    for path, key in ((f"{FLAGS}/none", "none"), (FLAGS, None)):
        answer = sqlite_service.client.post(path, content=content)
        if key is None and status == 404:
            assert answer.json() == {"flags": []}
            continue
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
        body = answer.json()
        assert (body["errorCode"], body.get("key")) == (code, key)
        assert body["errorDetails"]


def test_a_draft_is_no_flag_yet(client):
    client.post("/v1/experiments", json=_definition())
    refused = _ask(client, "e", targetingKey="u")
    assert (refused.status_code, refused.json()["errorCode"]) == (400, "GENERAL")


def test_an_api_key_may_come_in_its_own_header(service):
    nobody = service.client.holding(None)
    key = create_key(service.engine, SYSTEM, "flags", ["assign"]).key
    assert _ask(nobody, targetingKey="u", headers={"X-API-Key": key}).status_code == 200
    assert _ask(nobody, targetingKey="u", headers={"X-API-Key": "wb_no"}).status_code == 401
