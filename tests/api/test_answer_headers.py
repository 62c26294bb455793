"""What answers tell browsers, and the described page: nothing comes from elsewhere, nothing may frame it."""

import re
from pathlib import Path

import pytest

import api
from tests.api.rawsocket import refused

PAGES = Path(api.__file__).parent / "pages"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/v1/experiments", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/healthz", 405),
        ("POST", "/v1/outcomes", 400),
        ("POST", "/v1/experiments/x/assignments", 400),
        ("POST", "/ofrep/v1/evaluate/flags", 400),
        ("PUT", "/v1/units/u", 422),
    ],
)
def test_every_answer_says_that_it_is_no_page(sqlite_service, method, path, status):
    answer = sqlite_service.client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_refusals_before_a_request_say_so_too(listening):
    answer = refused(int(listening.url.rpartition(":")[2]), b"noise\r\n\r\n")
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/docs", "/docs/page.css", "/docs/page.js"])
def test_the_page_is_served_from_here_with_a_policy_of_its_own(sqlite_service, path):
    answer = sqlite_service.client.holding(None).get(path)
    assert answer.status_code == 200
    policy = answer.headers.get_list("content-security-policy")
    assert len(policy) == 1
    allowed = dict(each.strip().split(" ", 1) for each in policy[0].split(";"))
    assert allowed["default-src"] == allowed["frame-ancestors"] == allowed["base-uri"] == "'none'"
    assert {allowed[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", sorted(PAGES.iterdir()), ids=lambda path: path.name)
def test_nothing_of_the_page_comes_from_elsewhere(path):
    source = path.read_text()
    assert not re.search(r"(https?:)?//[a-z0-9]", source.replace("// ", ""))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|style=|onclick", source)


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect"])
def test_pages_that_load_from_elsewhere_are_gone(sqlite_service, path):
    assert sqlite_service.client.get(path).status_code == 404
