"""Tasks in a marketer's words, done by clicks alone; docs/dashboard.md states how many each takes."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from benchmarks.synthetic_log import Shape, write_log
from experiments.jobs import WorkerContext
from experiments.jobs.joining import join
from experiments.model.access.principal import SYSTEM
from experiments.settings import Settings
from experiments.views.experiments import experiment
from tests.dashboard.browser.conftest import run_site
from tests.dashboard.browser.whole import Clicks

LOSING, SETTING_UP = 5, 6
"""Clicks that docs/dashboard.md states."""

COSTS = {"Spring coupons": (0.0, 0.2, 0.3), "Summer coupons": (0.0, 0.2, 25.0)}
"""Campaign → what its arms cost: the last of the second one costs more than anybody brings."""


def campaign(name):
    arms = [
        {"key": f"arm-{place}", "reward_amount": cost, "reward_cost": cost} for place, cost in enumerate(COSTS[name])
    ]
    return Shape(600, arms=3, extra={"name": name, "objective": {"maximise": "net_value", "margin": 0.5}, "arms": arms})


@pytest.fixture(scope="module")
def site(sqlite_template, tmp_path_factory):
    path = tmp_path_factory.mktemp("walks") / "winback.db"
    shutil.copy(sqlite_template, path)
    settings = Settings(database_url=f"sqlite:///{path}", _env_file=None)
    worker = WorkerContext(settings)
    for number, name in enumerate(COSTS, 1):
        write_log(worker.engine, campaign(name), key=name.lower().replace(" ", "-"), number=number)
    join(worker)
    yield from run_site(settings)
    worker.close()


@pytest.fixture
def visitor(site, browser):
    visitor = site.visit(browser, role="experimenter")
    visitor.open("/")
    yield visitor
    visitor.page.close()


def stored(site, key):
    worker = WorkerContext(site.settings)
    found = experiment(worker.engine, SYSTEM, key)
    worker.close()
    return found


def below_zero(page):
    """The row whose money is below zero, as a reader finds it."""
    return page.get_by_role("row").filter(has=page.get_by_text(re.compile("^−€"))).first


def test_which_campaign_loses_money_and_why_and_stop_the_arm_that_does_it(site, visitor):
    page, person = visitor.page, Clicks(visitor.page)
    losing = below_zero(page)
    expect(losing).to_contain_text("Summer coupons")
    person.click(losing.get_by_role("link"))
    table = page.get_by_role("table", name="Arms by Net value")
    worst = table.get_by_role("row").filter(has_text="arm-2")
    expect(worst).to_contain_text("−€")
    person.click(page.get_by_role("button", name="Pause arm arm-2"))
    person.choose("Reason", "Costs too much")
    person.click(page.get_by_role("button", name="Apply"))
    expect(page.get_by_text("Arm arm-2 is paused", exact=True).first).to_be_visible()
    (adjusted,) = stored(site, "summer-coupons")["adjustments"]
    assert (adjusted["arm"], adjusted["enabled"], adjusted["reason"]) == ("arm-2", False, "Costs too much")
    assert person.count <= LOSING
    assert not visitor.faults
    print(f"which campaign loses money, why, stop the arm that does it: {person.count} clicks")


def test_two_reward_sizes_for_users_gone_for_30_to_60_days_with_a_holdout_started_small(site, visitor):
    page, person = visitor.page, Clicks(visitor.page)
    person.click(page.locator("#nav").get_by_role("link", name="Designer"))
    person.click(page.get_by_role("link", name="Set up a new one"))
    person.click(page.get_by_role("button", name="Gone 30–60 days"))
    person.choose("How it begins", "Start small: 10 %")
    expect(page.get_by_role("button", name="Save and start")).to_be_enabled()
    expect(page.locator("#design-call")).to_contain_text("P7D")
    person.click(page.get_by_role("button", name="Save and start"))
    page.wait_for_url("**/campaign?campaign=two-reward-sizes")
    visitor.settled()
    found = stored(site, "two-reward-sizes")
    assert found["status"] == "running"
    assert found["eligible"] == {"and": [{">=": [{"var": "days_inactive"}, 30]}, {"<": [{"var": "days_inactive"}, 60]}]}
    assert {arm["reward_amount"] for arm in found["arms"] if arm["key"] != "nothing"} == {5.0, 10.0}
    assert {one["key"]: one["share"] for one in found["variants"]}["holdout"] == pytest.approx(0.1)
    assert [step["share"] for step in found["ramp"]] == [0.1, 1.0]
    assert person.count <= SETTING_UP
    assert not visitor.faults
    print(f"two reward sizes, 30-60 days, 10 % holdout, started small: {person.count} clicks")
