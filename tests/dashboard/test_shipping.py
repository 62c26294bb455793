"""What is shipped: compressed for whoever takes it, kept by browsers where the address names the version."""

import gzip
import re

import pytest

from experiments.model.access.principal import SYSTEM
from experiments.services.access.granting_users import create_user

PASSWORD = "correct horse battery"
TAKES = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture
def browser(app, engine):
    create_user(engine, SYSTEM, "viewer@example.com", PASSWORD, "viewer", own=True)
    client = app.server.test_client()
    client.post("/sign-in", data={"email": "viewer@example.com", "password": PASSWORD})
    return client


@pytest.fixture
def get(browser):
    """Headers and body of an answer, which is closed: files are open until then."""

    def fetch(address, headers=None):
        with browser.get(address, headers=headers) as answer:
            return answer.headers, answer.data

    return fetch


def addresses(get):
    return re.findall(r'(?:src|href)="(/(?:_dash-component-suites|assets)/[^"]+)"', get("/")[1].decode())


def test_files_are_compressed_and_kept_for_a_year(get):
    found = addresses(get)
    assert len(found) > 5
    for address in found:
        (headers, plain), (told, packed) = get(address), get(address, TAKES)
        assert "max-age=31536000" in told["Cache-Control"] and "immutable" in told["Cache-Control"]
        assert told["Vary"] == "Accept-Encoding"
        assert "Content-Encoding" not in headers
        assert (gzip.decompress(packed) if "Content-Encoding" in told else packed) == plain
        assert len(packed) < 0.5 * len(plain) or len(plain) < 3_000


def test_what_a_page_loads_before_it_asks_for_anything_is_small(get):
    found = addresses(get)
    assert sum(len(get(address, TAKES)[1]) for address in found) < 700_000
    assert not [address for address in found if "dash_table" in address or "plotly" in address]


def test_pages_and_answers_are_compressed_but_never_kept(get):
    for address in ("/", "/_dash-dependencies"):
        headers, packed = get(address, TAKES)
        assert headers["Content-Encoding"] == "gzip"
        assert len(gzip.decompress(packed)) == len(get(address)[1])  # pages hold a number used once
        assert "max-age=31536000" not in headers.get("Cache-Control", "")


def test_what_has_not_changed_is_not_sent_again(get, browser):
    address = "/_dash-component-suites/plotly/package_data/plotly.min.js"
    headers, packed = get(address, TAKES)
    assert len(packed) > 1_000_000
    with browser.get(address, headers={**TAKES, "If-None-Match": headers["ETag"]}) as again:
        assert (again.status_code, again.data) == (304, b"")
    assert len(get(address, {**TAKES, "If-None-Match": 'W/"another"'})[1]) == len(packed)


def test_a_file_of_no_version_and_a_missing_one_are_not_kept(get):
    for address in ("/assets/winback.css", "/assets/nothing.css?m=1"):
        assert "31536000" not in get(address)[0].get("Cache-Control", "")
