"""Calls that no page sends, from somebody who is signed in: 4xx, no traceback each, and the dashboard goes on."""

import json

import pytest
from structlog.testing import capture_logs

from dashboard.judging import CALLS
from experiments.model.access.principal import SYSTEM
from experiments.services.access.granting_users import create_user

GIVEN = {"email": "admin@example.com", "password": "correct horse battery"}
URL = [{"id": "url", "property": "pathname", "value": "/"}, {"id": "url", "property": "search", "value": ""}]
NAVIGATION = {
    "output": "nav.children",
    "outputs": {"id": "nav", "property": "children"},
    "inputs": URL,
    "changedPropIds": ["url.pathname"],
}


@pytest.fixture
def browser(app, engine):
    create_user(engine, SYSTEM, GIVEN["email"], GIVEN["password"], "admin", own=True)
    client = app.server.test_client()
    client.post("/sign-in", data=GIVEN)
    client.get("/_dash-layout")
    return client


def test_what_a_page_sends_is_answered(browser):
    assert browser.post(CALLS, json=NAVIGATION).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"3",
        b'"nav.children"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"output": ' + b"9" * 10_000 + b"}",
    ],
)
def test_garbage(browser, body):
    assert browser.post(CALLS, data=body, content_type="application/json").status_code in (400, 404)
    assert browser.post(CALLS, data=body).status_code in (400, 404, 415)


@pytest.mark.parametrize(
    "output", [None, 3, [], {}, "", "nowhere.children", "beat.data", "nav.children.x", "__class__"]
)
def test_unknown_callbacks_and_those_of_the_browser(browser, output):
    assert browser.post(CALLS, json={**NAVIGATION, "output": output}).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": None},
        {"inputs": []},
        {"inputs": "url"},
        {"inputs": URL[:1]},
        {"inputs": [*URL, *URL]},
        {"inputs": [[], []]},
        {"inputs": [{}, {}]},
        {"inputs": [{"id": 3, "property": "pathname"}, URL[1]]},
        {"inputs": [{"id": {"url": 1}, "property": "pathname"}, URL[1]]},
        {"inputs": [{"id": "url", "property": []}, URL[1]]},
        {"inputs": [URL, URL]},
        {"state": "x"},
        {"state": URL},
        {"outputs": None},
        {"outputs": []},
        {"outputs": "nav.children"},
        {"outputs": {"id": "content", "property": "children"}},
        {"changedPropIds": 7},
        {"changedPropIds": [{}]},
    ],
)
def test_what_does_not_fit_what_the_callback_declared(browser, change):
    assert browser.post(CALLS, json={**NAVIGATION, **change}).status_code == 400


VALUES = [
    None,
    True,
    -1,
    1e308,
    "",
    "\0",
    "/campaign",
    "?period=custom&from=x&to=99999-99-99",
    [],
    [None],
    [[[]]],
    {},
    {"a": {}},
]


def leaf(name, prop, value):
    """One entry for a declared id; of a pattern a list of two, the second of which makes no more sense."""
    if not name.startswith("{"):
        return {"id": name, "property": prop, "value": value}
    parts = json.loads(name)
    concrete = {key: "x" if isinstance(part, list) else part for key, part in parts.items()}
    one = {"id": concrete, "property": prop, "value": value}
    return [one, one] if any(part in (["ALL"], ["ALLSMALLER"]) for part in parts.values()) else one


def call(name, known, value):
    """A call as the browser would send it, each value of which is this."""
    inputs = [leaf(each["id"], each["property"], value) for each in known["inputs"]]
    several = isinstance(known["output"], list)
    outputs = [] if known["no_output"] else known["output"] if several else [known["output"]]
    told = [leaf(each.component_id_str(), each.component_property, None) for each in outputs]
    first = inputs[0][0] if isinstance(inputs[0], list) else inputs[0]
    key = (
        first["id"] if isinstance(first["id"], str) else json.dumps(first["id"], sort_keys=True, separators=(",", ":"))
    )
    return {
        "output": name,
        "outputs": told if several or not told else told[0],
        "inputs": inputs,
        "state": [leaf(each["id"], each["property"], value) for each in known["state"]],
        "changedPropIds": [f"{key}.{first['property']}"],
    }


def test_no_value_makes_any_callback_fail(app, browser):
    """Every callback with values of every kind: never 5xx, and a traceback once for each place that stumbles."""
    served = {name: known for name, known in app.callback_map.items() if "callback" in known}
    assert len(served) > 20
    failed = []
    with capture_logs() as lines:
        for name, known in served.items():
            for value in VALUES:
                status = browser.post(CALLS, json=call(name, known, value)).status_code
                if status not in (200, 204, 400):
                    failed.append((name, value, status))
    assert not failed
    stumbles = [line for line in lines if line["event"] == "a call made no sense"]
    traced = [(line["kind"], line["file"], line["line"]) for line in stumbles if line["exc_info"]]
    assert len(traced) == len(set(traced))
    assert not [line for line in lines if line["log_level"] in ("error", "critical")]
    assert browser.post(CALLS, json=NAVIGATION).status_code == 200


@pytest.mark.parametrize("path", ["/sign-in", "/account"])
def test_long_forms_are_not_read(browser, path):
    answer = browser.post(path, data={"email": "x" * 100_000, "password": "x"})
    assert answer.status_code == 413
