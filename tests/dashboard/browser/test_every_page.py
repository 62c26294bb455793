"""Every page in a real browser: nothing in the console, no serious fault for a screen reader, fits a phone."""

import time

import pytest
from dash import html

from dashboard import sections
from dashboard.page import Page, Section
from dashboard.pages import PAGES
from experiments.settings import Settings
from tests.dashboard.browser.conftest import run_site

PHONE = {"width": 390, "height": 844}
SLOW = 0.8
"""Seconds that every section takes where a page is left too early."""


@pytest.mark.parametrize("key", PAGES)
def test_a_page_is_sound_in_light_and_dark_and_fits_a_phone(key, site, browser):
    visitor = site.visit(browser)
    page = visitor.open(PAGES[key].path + "?campaign=campaign-1")
    assert not visitor.serious()
    visitor.darken()
    assert not visitor.serious("color-contrast")
    page.set_viewport_size(PHONE)
    visitor.settled()
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.close()
    assert wider <= 1
    assert not visitor.faults


@pytest.fixture
def crowded(sqlite_url, monkeypatch):
    """A dashboard without data whose sections are slow, and a page with more of them than are asked for at once."""
    many = tuple(Section(f"s{place}", "", lambda _view: html.P("drawn")) for place in range(30))
    monkeypatch.setitem(PAGES, "crowd", Page("/crowd", "Crowd", "Campaigns", "data", many))
    draw = sections.draw
    monkeypatch.setattr(sections, "draw", lambda *given: (time.sleep(SLOW), draw(*given))[1])
    yield from run_site(Settings(database_url=sqlite_url, _env_file=None))


@pytest.mark.parametrize("address", ["/crowd", "/crowd?own=1", "/campaign?own=1"])
def test_a_page_is_left_while_its_sections_load(address, crowded, browser):
    visitor = crowded.visit(browser)
    page = visitor.page
    page.goto(crowded.url + address)
    page.wait_for_selector("[data-page]")
    page.locator("#nav a[href^='/accounts']").click()
    page.wait_for_selector("[data-page=accounts]")
    visitor.settled()
    page.close()
    assert not visitor.faults


def test_a_viewer_sees_no_page_that_would_be_refused(site, browser):
    visitor = site.visit(browser, role="viewer")
    page = visitor.open("/")
    shown = page.eval_on_selector_all("#nav a", "links => links.map(link => new URL(link.href).pathname)")
    page.close()
    assert set(shown) == {page.path for page in PAGES.values() if page.needs == "read"}


def test_a_filter_stays_in_the_address(site, browser):
    visitor = site.visit(browser)
    page = visitor.open("/?period=30d")
    assert page.input_value("#period") == "Last 30 days"
    page.click("#period")
    page.get_by_role("option", name="Last 7 days").click()
    page.wait_for_url("**/*period=7d*")
    page.reload()
    visitor.settled()
    assert page.input_value("#period") == "Last 7 days"
    page.close()
