"""Every error has a status, and every refusal is a problem document."""

import msgspec
import pytest
from starlette.requests import Request
from starlette.routing import Route

from api.errors import STATUS, answer_to, msgspec_fault
from api.openapi import Operation, described, extend_openapi
from experiments import errors
from experiments.errors import WinbackError


def _descendants(kind):
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def test_no_error_class_is_missing_from_the_table():
    ours = {kind for kind in _descendants(WinbackError) if kind.__module__ == errors.__name__}
    assert ours == set(STATUS)
    assert set(_descendants(WinbackError)) == ours, "define errors in experiments.errors, so that they have a status"


def test_each_class_is_drawn_in_the_tree():
    for kind in STATUS:
        assert kind.__name__ in errors.__doc__


@pytest.mark.parametrize(("detail", "pointer"), [({"arms": [{"key": 1}]}, "/arms/0/key"), ({"arms": 3}, "/arms")])
def test_msgspec_places_become_pointers(detail, pointer):
    class Arm(msgspec.Struct):
        key: str

    class Body(msgspec.Struct):
        arms: list[Arm]

    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(detail, Body)
    fault = msgspec_fault(caught.value)
    assert fault.pointer == pointer
    assert "$" not in fault.detail


def test_who_must_wait_is_told_how_long():
    assert answer_to(errors.UnavailableError("away", 7)).headers["retry-after"] == "7"
    assert answer_to(errors.TooManyError("slow down", 30)).headers["retry-after"] == "30"
    assert answer_to(errors.UnauthenticatedError("who?")).headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/healthz", 405)])
def test_unknown_places_are_problem_documents(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_an_unexpected_error_leaks_nothing(client, monkeypatch):
    monkeypatch.setattr(type(client.app.state.winback), "readiness", lambda _: {}["secret-password"])
    answer = client.get("/readyz")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


def test_hot_routes_are_described_with_their_schemas():
    class Wish(msgspec.Struct):
        unit_id: str

    class Answer(msgspec.Struct):
        arm: str

    @described(Operation("Assign", Answer, Wish, query=(("preview", "stores nothing"),)))
    async def assign(_: Request) -> None:
        """Assign an arm."""

    document = extend_openapi({"paths": {}}, [Route("/v1/{key}", assign, methods=["POST"])])
    operation = document["paths"]["/v1/{key}"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/Wish"
    assert document["components"]["schemas"]["Answer"]["properties"] == {"arm": {"type": "string"}}
    assert {parameter["name"] for parameter in operation["parameters"]} == {"key", "preview"}
    assert "application/problem+json" in operation["responses"]["503"]["content"]
