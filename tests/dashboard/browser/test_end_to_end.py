"""A whole campaign in a real browser: created, started, seen to work, adjusted, replayed, inspected."""

import re
import time

import pytest
from playwright.sync_api import expect

from experiments.settings import Settings
from tests.dashboard.browser.conftest import PASSWORD
from tests.dashboard.browser.whole import until, whole

TICK = 2_000
DRAWING = 5.0
"""Seconds that a busy machine may take to read, send and draw."""

expect.set_options(timeout=30_000)
SHORT = {"attribution_window": "PT1S", "grace": "PT1S", "context": {"categorical": ["taste"]}}
"""What a developer would shorten to see a week pass in a second; everything else is clicked."""


@pytest.fixture
def service(sqlite_url, tmp_path, monkeypatch):
    monkeypatch.setattr("dashboard.shell.TICK", TICK)
    settings = Settings(
        database_url=sqlite_url,
        data_dir=tmp_path / "history",
        snapshot_poll=0.05,
        worker_interval=0.1,
        database_timeout=10.0,
        _env_file=None,
    )
    with whole(settings) as running:
        yield running


def test_a_campaign_from_the_first_click_to_the_proof(service, browser):
    visitor = service.site.visit(browser, role="experimenter")
    page = visitor.page
    sign_in(visitor)
    key = create(service, visitor)
    start(page, key)
    for people in (500, 800):
        made = service.traffic(key, people)
        assert {one["variant"] for one in made} == {"bandit", "holdout"}
        until(lambda: service.settled(key) and service.matured(key) == service.asked)
    lift_appears(page)
    it_stays_fresh(service, page, key)
    pause_an_arm(page, "quest-5")
    the_pmf_follows(service, visitor, key)
    replay(visitor, key)
    page.close()
    assert not visitor.faults, "\n".join(visitor.faults)


def sign_in(visitor):
    page = visitor.page
    page.context.clear_cookies()
    page.goto(f"{visitor.url}/campaign")
    page.fill("#email", "experimenter@example.com")
    page.fill("#password", PASSWORD)
    with page.expect_navigation(url="**/campaign"):
        page.get_by_role("button", name="Sign in").click()
    visitor.settled()


def create(service, visitor):
    page = visitor.page
    page.locator("#nav").get_by_role("link", name="Designer").click()
    page.get_by_role("link", name=re.compile("Bandit over event types")).click()
    expect(page.locator(".template-link.chosen")).to_contain_text("Bandit over event types")
    page.get_by_text("20 %", exact=True).first.click()
    expect(page.get_by_role("button", name="Save draft")).to_be_enabled()
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_role("link", name="To the campaign")).to_be_visible()
    key = page.url.partition("campaign=")[2].partition("&")[0]
    etag = service.api.get(f"/v1/experiments/{key}").headers["ETag"]
    service.call("PATCH", f"/v1/experiments/{key}", SHORT, **{"If-Match": etag})
    page.get_by_role("link", name="To the campaign").click()
    visitor.settled()
    return key


def start(page, key):
    page.get_by_role("button", name="Start the campaign").click()
    expect(page.get_by_text("running", exact=True).first).to_be_visible()
    assert f"campaign={key}" in page.url


def lift_appears(page):
    """Without a reload, while somebody watches."""
    expect(page.get_by_text(re.compile(r"▲ \+.* against holdout")).first).to_be_visible()


def it_stays_fresh(service, page, key):
    """The number of users on the page follows what the worker has joined, within a tick of the page's clock."""
    service.traffic(key, 100)
    until(lambda: service.matured(key) == service.asked)
    users = service.call("GET", f"/v1/experiments/{key}/results")["variants"]["bandit"]["units"]
    began = time.monotonic()
    expect(page.get_by_text(f"Variant bandit, {users:,} users", exact=False)).to_be_visible()
    assert time.monotonic() - began < TICK / 1000 + DRAWING


def pause_an_arm(page, arm):
    page.get_by_role("button", name=f"Pause arm {arm}").click()
    page.get_by_role("textbox", name="Reason").fill("Out of stock")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text(f"Arm {arm} is paused", exact=True).first).to_be_visible()


def the_pmf_follows(service, visitor, key):
    def left_out():
        fresh = [one for one in service.traffic(key, 20) if one["variant"] == "bandit"]
        return fresh and all("quest-5" not in one["pmf"] for one in fresh)

    until(left_out)
    page = visitor.page
    visitor.settled()
    page.get_by_role("link", name="Decision inspector").click()
    visitor.settled()
    row = page.get_by_role("row").filter(has_text="bandit").first
    row.get_by_role("link").click()
    expect(page.get_by_text("Gives the same arm")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="quest-5").first).to_be_visible()
    page.get_by_role("button", name="Derive it again").click()
    expect(page.get_by_text("Draw and probabilities are as stored.")).to_be_visible()


def replay(visitor, key):
    page = visitor.page
    visitor.settled()
    page.get_by_role("link", name="Offline replay").click()
    visitor.settled()
    page.get_by_role("textbox", name="Candidate policies").click()
    page.get_by_role("option", name="uniform").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Start replay").click()
    expect(page.get_by_role("row").filter(has_text="logging").first).to_be_visible(timeout=60_000)
    assert f"campaign={key}" in page.url
