"""Every page of PAGES is drawn with nothing, with one row and with many; a new page is found by itself."""

import re

import pytest
from dash._utils import to_json

from dashboard.filters import Filters
from dashboard.page import View
from dashboard.pages import PAGES
from dashboard.sections import draw, file_of
from dashboard.shell import content, navigation
from experiments.model.access.principal import ROLES

SECTIONS = [(key, section.name) for key, page in PAGES.items() for section in page.sections]
IDS = [f"{key}-{name}" for key, name in SECTIONS]
HEAVIEST = 400_000
"""Bytes that one section may ship."""


def test_addresses_and_names_are_unique():
    assert len({page.path for page in PAGES.values()}) == len(PAGES)
    for page in PAGES.values():
        assert len({section.name for section in page.sections}) == len(page.sections)


@pytest.mark.parametrize("role", ROLES)
def test_the_navigation_shows_what_the_role_may_see_and_nothing_else(role, filled):
    links = {link.href for link in navigation(PAGES, filled(role), "/", Filters()) if hasattr(link, "href")}
    allowed = {page.path for page in PAGES.values() if page.needs in ROLES[role] or role == "admin"}
    assert links == allowed


@pytest.mark.parametrize(("key", "name"), SECTIONS, ids=IDS)
def test_every_section_is_drawn(key, name, filled, filters):
    page = PAGES[key]
    for role, scopes in ROLES.items():
        if page.needs not in scopes:
            continue
        drawn = draw(page, page.section(name), View(filled(role), filters))
        shipped = str(to_json(drawn.body))
        assert "This part failed" not in shipped
        assert not re.search(r"\bnan\b|\bNone\b|Infinity", shipped), "a number that is none is shown"
        assert len(shipped) < HEAVIEST
        for kind in ("csv", "xlsx"):
            file_of(drawn.rows or [], "section", kind)


@pytest.mark.parametrize("key", PAGES)
def test_every_page_has_a_frame(key, filled, filters):
    to_json(content(key, PAGES[key], View(filled("admin"), filters)))


@pytest.mark.parametrize(("key", "name"), SECTIONS, ids=IDS)
def test_a_campaign_that_is_not_there_is_said_to_be_missing(key, name, filled):
    page = PAGES[key]
    drawn = draw(page, page.section(name), View(filled("admin"), Filters(campaign="no-such-campaign")))
    assert "This part failed" not in str(to_json(drawn.body))


def test_a_spreadsheet_runs_nothing_from_a_download():
    sent = file_of([{"unit": "=HYPERLINK(1)"}], "rows", "csv")
    assert "'=HYPERLINK(1)" in sent["content"]
