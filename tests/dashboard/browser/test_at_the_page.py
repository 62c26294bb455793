"""What people do at a page: take files home, watch it change, use no mouse."""

import csv
from io import StringIO
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from dashboard.filters import Filters
from dashboard.page import View
from dashboard.pages import PAGES
from dashboard.sections import draw
from dashboard.who import Who
from experiments.model.access.principal import ROLES, Principal
from experiments.store.core.engine import engine_for

ADDRESS = "/campaign?campaign=campaign-1"


@pytest.fixture
def visitor(site, browser):
    visitor = site.visit(browser)
    yield visitor
    visitor.page.close()


@pytest.fixture
def rows(site):
    engine = engine_for(site.settings)
    page = PAGES["campaign"]
    who = Who(engine, Principal("user:viewer", ROLES["viewer"]), site.settings)
    yield draw(page, page.section("arms"), View(who, Filters(campaign="campaign-1"))).rows
    engine.dispose()


def test_a_csv_file_holds_the_rows_shown(visitor, rows):
    page = visitor.open(ADDRESS)
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download Arm performance as CSV").click()
    text = coming.value.path().read_text()
    assert coming.value.suggested_filename == "winback-campaign-arms.csv"
    sent = list(csv.DictReader(StringIO(text)))
    assert [row["arm"] for row in sent] == [row["arm"] for row in rows]
    assert [row["decisions"] for row in sent] == [row["decisions"] for row in rows]


def test_an_xlsx_file_holds_the_rows_shown(visitor, rows):
    page = visitor.open(ADDRESS)
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download Arm performance as XLSX").click()
    with ZipFile(coming.value.path()) as book:
        words = [one.text for one in ElementTree.fromstring(book.read("xl/sharedStrings.xml")).iter() if one.text]
    assert words[: len(rows[0])] == list(rows[0])
    assert [word for word in words if word in {row["arm"] for row in rows}] == [row["arm"] for row in rows]


def test_a_figure_comes_as_a_picture(visitor):
    page = visitor.open(ADDRESS)
    figure = page.locator(".js-plotly-plot").first
    figure.hover()
    with page.expect_download() as coming:
        figure.locator("[data-title='Download plot as a PNG']").click()
    assert coming.value.path().read_bytes().startswith(b"\x89PNG")


def test_pages_and_filters_by_keyboard_alone(visitor):
    page = visitor.open("/")
    reach(page, "#nav a[href^='/segments']")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-page=segments]")
    visitor.settled()
    reach(page, "#period")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/segments?*period=*")
    expect(page.locator("#period")).not_to_have_value("Whole time")
    assert not visitor.faults


def reach(page, selector):
    """Press Tab until it has the focus, and see that it shows."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never came to {selector}")
