"""A campaign is set up, started and steered by clicks alone."""

import re
import shutil
import time

import pytest
from playwright.sync_api import expect

from dashboard.designer import edits
from dashboard.parts import draft_calls
from experiments.model.access.principal import SYSTEM
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from experiments.views.experiments import experiment

from .conftest import run_site
from .whole import until


@pytest.fixture(scope="module")
def empty_site(sqlite_template, tmp_path_factory):
    """A dashboard over a database of its own, which may be changed."""
    path = tmp_path_factory.mktemp("designing") / "winback.db"
    shutil.copy(sqlite_template, path)
    yield from run_site(Settings(database_url=f"sqlite:///{path}", _env_file=None))


def stored(site, key):
    engine = engine_for(site.settings)
    found = experiment(engine, SYSTEM, key)
    engine.dispose()
    return found


def test_two_reward_sizes_are_set_up_started_and_one_is_paused_by_clicks_alone(empty_site, browser):
    visitor = empty_site.visit(browser, role="experimenter")
    page = visitor.open("/designer?new=1")
    page.get_by_role("link", name=re.compile("Two reward sizes")).click()
    page.get_by_role("button", name="Gone 30–60 days").click()
    page.get_by_text("10 %", exact=True).click()
    page.get_by_role("textbox", name="How it begins").click()
    page.get_by_role("option", name=re.compile("Start small")).click()
    expect(page.locator("#design-call")).to_contain_text("P7D", timeout=30_000)
    page.get_by_text("Nothing stands in its way.").wait_for()
    page.get_by_role("button", name="Save and start").click()
    page.wait_for_url("**/campaign?campaign=two-reward-sizes")
    visitor.settled()
    found = stored(empty_site, "two-reward-sizes")
    assert found["status"] == "running"
    assert found["eligible"]["and"][0] == {">=": [{"var": "days_inactive"}, 30]}
    assert [step["share"] for step in found["ramp"]] == [0.1, 1.0]
    assert found["variants"][-1]["share"] == pytest.approx(0.1)
    page.get_by_role("button", name="Pause arm coupon-10").click()
    page.get_by_role("dialog").get_by_text("Pause arm coupon-10").wait_for()
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("Say why").wait_for()
    page.get_by_role("textbox", name="Reason").click()
    page.get_by_role("option", name="Costs too much").click()
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("Arm coupon-10 is paused", exact=True).wait_for()
    (adjusted,) = stored(empty_site, "two-reward-sizes")["adjustments"]
    assert (adjusted["arm"], adjusted["enabled"], adjusted["reason"]) == ("coupon-10", False, "Costs too much")
    assert adjusted["expires_at"]
    page.get_by_role("button", name=re.compile("End now")).click()
    page.get_by_text("Nothing is adjusted by hand.").wait_for()
    page.goto(f"{empty_site.url}/")
    page.get_by_text("Two reward sizes").first.wait_for()
    page.close()
    assert not visitor.faults


def test_a_fault_stands_at_its_field_and_nothing_wrong_is_stored(empty_site, browser):
    visitor = empty_site.visit(browser, role="experimenter")
    page = visitor.open("/designer?new=1&template=ab")
    page.get_by_role("textbox", name="Key").first.fill("no key at all")
    page.get_by_text(re.compile("to mend")).wait_for()
    assert page.get_by_role("button", name="Save draft").is_disabled()
    page.get_by_role("textbox", name="Name").fill("Autumn letters")
    page.get_by_role("textbox", name="Key").first.fill("autumn")
    page.get_by_text("Nothing stands in its way.").wait_for()
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**/designer?campaign=autumn**")
    page.get_by_text("Nothing is changed yet.").wait_for()
    assert stored(empty_site, "autumn")["name"] == "Autumn letters"
    page.close()
    assert not visitor.faults


@pytest.fixture
def slow(monkeypatch):
    """Every edit takes a second on the server; when each began."""
    began = []

    def edited(*given):
        began.append(time.monotonic())
        time.sleep(1.0)
        return edits.edited(*given)

    monkeypatch.setattr(draft_calls, "edited", edited)
    return began


def test_an_edit_that_overtakes_a_slow_answer_loses_nothing(empty_site, browser, slow):
    visitor = empty_site.visit(browser, role="experimenter")
    page = visitor.open("/designer?new=1&template=ab")
    page.get_by_role("button", name="Add an arm").click()
    until(lambda: len(slow) == 1)
    page.get_by_role("button", name="Gone 30–60 days").click()
    page.get_by_role("textbox", name="Name").fill("Overtaken")
    until(lambda: len(slow) == 3)
    expect(page.locator("#design-call")).to_contain_text("Overtaken", timeout=30_000)
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**/designer?campaign=overtaken**")
    visitor.settled()
    found = stored(empty_site, "overtaken")
    assert found["name"] == "Overtaken"
    assert found["eligible"]["and"][0] == {">=": [{"var": "days_inactive"}, 30]}
    assert [arm["key"] for arm in found["arms"]].count("offer") == 1
    page.close()
    assert not visitor.faults


def test_saving_stores_what_is_under_way_and_what_was_typed_a_moment_ago(empty_site, browser, slow):
    visitor = empty_site.visit(browser, role="experimenter")
    page = visitor.open("/designer?new=1&template=ab")
    page.get_by_text("Nothing stands in its way.").wait_for()
    page.get_by_role("button", name="Gone 30–60 days").click()
    until(lambda: len(slow) == 1)
    page.get_by_role("textbox", name="Name").fill("Saved at once")
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**/designer?campaign=saved-at-once**")
    page.get_by_text("Nothing is changed yet.").wait_for()
    visitor.settled()
    found = stored(empty_site, "saved-at-once")
    assert found["name"] == "Saved at once"
    assert found["eligible"]["and"][0] == {">=": [{"var": "days_inactive"}, 30]}
    assert page.get_by_role("textbox", name="Name").input_value() == "Saved at once"
    page.close()
    assert not visitor.faults


def test_a_key_that_is_typed_while_the_name_is_looked_at_stays(empty_site, browser, slow):
    """The answer to the name brings a key that follows it: it comes too late for a field where another one stands."""
    visitor = empty_site.visit(browser, role="experimenter")
    page = visitor.open("/designer?new=1&template=ab")
    key = page.get_by_role("textbox", name="Key").first
    page.get_by_role("textbox", name="Name").fill("Follows at first")
    expect(key).to_have_value("follows-at-first", timeout=30_000)
    before = len(slow)
    page.get_by_role("textbox", name="Name").fill("Autumn letters")
    until(lambda: len(slow) > before)
    key.press_sequentially("x", delay=50)  # not looked at yet when the answer to the name comes
    key.fill("typed-by-hand")
    expect(page.locator("#design-call")).to_contain_text("typed-by-hand", timeout=30_000)
    visitor.settled()
    assert key.input_value() == "typed-by-hand"
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**/designer?campaign=typed-by-hand**")
    assert stored(empty_site, "typed-by-hand")["name"] == "Autumn letters"
    page.close()
    assert not visitor.faults


def test_an_edit_under_way_stays_with_the_campaign_that_was_left(empty_site, browser, slow):
    visitor = empty_site.visit(browser, role="experimenter")
    for key in ("left", "entered"):
        page = visitor.open("/designer?new=1&template=ab")
        page.get_by_role("textbox", name="Name").fill(key)
        page.get_by_role("button", name="Save draft").click()
        page.wait_for_url(f"**/designer?campaign={key}**")
    page = visitor.open("/designer?campaign=left")
    before = len(slow)
    page.get_by_role("button", name="Gone 30–60 days").click()
    until(lambda: len(slow) > before)
    page.get_by_role("textbox", name="Campaign").click()
    page.get_by_role("option", name="entered").click()
    page.wait_for_url("**/designer?campaign=entered")
    expect(page.locator("#design-call")).to_contain_text("Nothing", timeout=30_000)
    visitor.settled()
    assert page.get_by_role("textbox", name="Name").input_value() == "entered"
    expect(page.get_by_text("Nothing is changed yet.")).to_have_count(1)
    page.close()
    assert not visitor.faults


def test_the_whole_form_is_sound_for_a_screen_reader(site, browser):
    visitor = site.visit(browser)
    page = visitor.open("/designer?new=1&template=against-rules")
    for name in ("Caps, quiet hours, budget", "Guardrails and stop rules", "Advanced, edit by API"):
        page.get_by_role("button", name=name).click()
    page.get_by_role("button", name="Add a contact cap").click()
    page.get_by_role("button", name="Add a guardrail").click()
    page.get_by_role("group", name="Guardrail 1").wait_for()
    assert not visitor.serious()
    visitor.darken()
    assert not visitor.serious("color-contrast")
    page.close()
    assert not visitor.faults


def test_a_viewer_reads_the_form_and_finds_nothing_to_press(site, browser):
    visitor = site.visit(browser, role="viewer")
    page = visitor.open("/designer?campaign=campaign-1")
    page.get_by_text("Your role reads campaigns").wait_for()
    assert page.get_by_role("textbox", name="Name").is_disabled()
    assert not page.get_by_role("button", name=re.compile("Save|Add|Remove")).count()
    visitor.open("/campaign?campaign=campaign-1")
    assert not page.get_by_role("button", name=re.compile("Pause|Stop|Start")).count()
    page.close()
    assert not visitor.faults
