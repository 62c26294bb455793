"""A query parameter that a call does not know is refused: a slip of the pen must not answer another question."""

import re

import pytest
from fastapi.routing import APIRoute

from api.app import create_app
from api.auth import PUBLIC, declared
from experiments.settings import Settings

CALLS = [
    (method, re.sub(r"{[^}]*}", "1", route.path))
    for route in create_app(Settings(_env_file=None)).routes
    if isinstance(route, APIRoute) and declared(route) != PUBLIC
    for method in sorted(route.methods)
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_call_refuses_what_it_does_not_know(sqlite_service, method, path):
    answer = sqlite_service.client.request(method, path, params={"segmnet": "AT", "b": ["1", "2"]}, json={})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    told = [fault["detail"] for fault in answer.json()["errors"]]
    assert [sentence.split(":")[0] for sentence in told] == ["query parameter segmnet", "query parameter b"]


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/v1/experiments/x/results", "segment, event_type, from, to, method, adjustment, worthwhile, early"),
        ("/v1/experiments/x/decisions", "limit, cursor, unit_id, from, to"),
        ("/v1/alerts", "experiment, status, limit, cursor"),
        ("/v1/portfolio", "from, to, margin"),
    ],
)
def test_the_refusal_names_what_is_known(sqlite_service, path, known):
    [fault] = sqlite_service.client.get(path, params={"nonsense": 1}).json()["errors"]
    assert fault["detail"] == f"query parameter nonsense: not known here; known are {known}"


def test_a_call_without_parameters_says_so(sqlite_service):
    [fault] = sqlite_service.client.get("/v1/alerts/1", params={"nonsense": 1}).json()["errors"]
    assert fault["detail"] == "query parameter nonsense: not known here; this call takes none"


def test_who_calls_is_asked_first(sqlite_service):
    answer = sqlite_service.client.get("/v1/alerts?nonsense=1", headers={"Authorization": "Bearer wb_nobody"})
    assert answer.status_code == 401


@pytest.mark.parametrize("call", ["assignments", "assignments/batch"])
def test_a_preview_that_is_misspelt_stores_nothing(sqlite_service, call):
    answer = sqlite_service.client.post(f"/v1/experiments/x/{call}?previw=true", json={"unit_id": "u"})
    assert answer.status_code == 422 and "query parameter" in answer.json()["errors"][0]["detail"]
