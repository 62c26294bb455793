"""Steering: what is asked for, what is refused, what is undone."""

import pytest

from bandit.rounds import NOTHING
from dashboard.cards.adjustments import ACT
from dashboard.data import controlling, designing
from dashboard.designer.capping import begins_to_need_cap
from dashboard.designer.field_renderer import FieldRenderer
from dashboard.designer.planning import Belief, fixed_test, simulation
from dashboard.designer.templates import TEMPLATES, started_from
from dashboard.filters import Filters
from dashboard.page import View
from dashboard.parts.controls import ACTS, AT_ONCE, Asked, by_hand, control, filled
from dashboard.parts.draft_answers import believed, outcome, sizes, who_takes_part
from dashboard.parts.draft_calls import store, with_proposed_cap
from dashboard.parts.drafting import drawn, fields_of, opened
from experiments.errors import ForbiddenError, PreconditionFailedError
from experiments.model.designing.capping import CapProposal
from experiments.model.designing.editability import EDITABILITY
from experiments.model.designing.states import TRANSITIONS

from .walking import identified, words

KEY = "two-reward-sizes"


@pytest.fixture
def boss(who):
    """An experimenter with a running campaign."""
    found = who("experimenter")
    document = {**started_from("two-rewards"), "budget": {"amount": 100.0, "ends_at": None, "pacing": "none"}}
    designing.create(found, document)
    designing.move(found, KEY, "start")
    return found


def seen(person, draw=control):
    return draw(View(person, Filters(campaign=KEY))).body


def pressable(body):
    return {(each.id["verb"], each.id["on"]) for each in identified(body, ACT)}


def test_every_button_has_something_to_do(boss):
    verbs = {verb for verb, _ in pressable(seen(boss)) | pressable(seen(boss, by_hand))}
    assert verbs == {"pause", "stop", "budget", "variant-pause", "arm-pause", "weight", "cost"}
    assert set(TRANSITIONS) <= set(ACTS) | set(AT_ONCE)


def test_every_adjustment_can_be_made_is_shown_and_is_undone(boss):
    for verb, value in (("arm-pause", None), ("weight", 0.3), ("cost", 4.0)):
        ACTS[verb].do(boss, KEY, Asked("coupon-5", value, "complaints", 24.0))
    ACTS["variant-pause"].do(boss, KEY, Asked("large", None, "complaints", None))
    body = seen(boss)
    assert "complaints" in words(body)
    ends = pressable(body) & {(verb, on) for verb in (*AT_ONCE, "variant-resume") for on in ("coupon-5", "large")}
    assert len(ends) == 4
    for verb, on in ends:
        (AT_ONCE.get(verb) or ACTS[verb].do)(boss, KEY, Asked(on, None, "better now", None))
    assert not controlling.document_of(boss, KEY)["adjustments"]


def test_what_a_guardrail_paused_is_resumed_with_a_reason(boss):
    ACTS["arm-pause"].do(boss, KEY, Asked("coupon-5", None, "guardrail: unsubscribe", None))
    assert ("arm-enable", "coupon-5") in pressable(seen(boss))
    ACTS["arm-enable"].do(boss, KEY, Asked("coupon-5", None, "looked into it", None))
    assert ("arm-pause", "coupon-5") in pressable(seen(boss, by_hand))


def test_the_budget_is_raised(boss):
    ACTS["budget"].do(boss, KEY, Asked("", 250.0, "", None))
    assert controlling.document_of(boss, KEY)["budget"]["amount"] == 250.0


@pytest.mark.parametrize("verb", ACTS)
def test_nothing_is_done_without_what_it_takes(verb):
    act = ACTS[verb]
    fault, _ = filled(act, "x", (None, "  ", "24"))
    assert bool(fault) == bool(act.value or act.reason)
    fault, asked = filled(act, "x", (50, "complaints", "24"))
    assert not fault
    assert asked.hours == (24.0 if act.expires else None)


def test_a_viewer_is_shown_no_button_and_refused_all_the_same(boss, who):
    viewer = who("viewer")
    assert not pressable(seen(viewer)) | pressable(seen(viewer, by_hand))
    for verb in (*ACTS, *AT_ONCE):
        with pytest.raises(ForbiddenError):
            (AT_ONCE.get(verb) or ACTS[verb].do)(viewer, KEY, Asked("coupon-5", 0.2, "why", None))


def test_a_campaign_is_stored_changed_and_not_overwritten(boss):
    view = View(boss, Filters(campaign=KEY))
    draft = opened(view)
    design = {**draft._asdict(), "before": draft.document}
    changed = {**design, "document": {**draft.document, "name": "Better"}}
    assert store(boss, changed) == KEY
    assert controlling.document_of(boss, KEY)["name"] == "Better"
    with pytest.raises(PreconditionFailedError):
        store(boss, {**design, "document": {**draft.document, "name": "Worse"}})


def test_a_copy_has_a_key_of_its_own(boss):
    copy = opened(View(boss, Filters(own={"new": "1", "from": KEY})))
    assert copy.key is None
    assert copy.document["key"] != KEY
    assert designing.checked(boss, copy.document, None, None).faults == []


def test_a_cap_is_filled_in_once_it_is_about_money(boss, monkeypatch):
    monkeypatch.setattr(designing, "propose_cap", lambda *_: CapProposal(250.0, "imported payments", 900))
    plain = started_from("two-rewards")
    money = {**plain, "objective": {**plain["objective"], "maximise": "net_value"}}
    assert begins_to_need_cap(plain, money)
    capped = with_proposed_cap(boss, money)
    assert capped["cap_revenue"] == 250.0
    assert not begins_to_need_cap(capped, {**capped, "cap_revenue": None}), "what was cleared stays cleared"
    assert "counts up to" in words(fields_of("basics", FieldRenderer(capped)))
    assert "counts up to" not in words(fields_of("basics", FieldRenderer(plain)))


@pytest.mark.parametrize("status", [None, "draft", "running", "paused", "stopped", "archived"])
def test_what_is_locked_is_what_the_service_would_refuse(status):
    locks = designing.locked(status)
    assert set(locks) <= set(EDITABILITY)
    assert ("name" in locks) == (status == "archived")
    assert ("eligible" in locks) == (status in ("running", "stopped", "archived"))


@pytest.mark.parametrize("role", ["viewer", "analyst", "experimenter", "admin"])
def test_the_designer_opens_for_every_role(role, boss, who):
    for filters in (Filters(campaign=KEY), Filters(own={"new": "1", "template": "ab"})):
        body = drawn(View(who(role), filters))
        buttons = identified(body, "df-do")
        assert bool(buttons) == (role in ("experimenter", "admin"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_has_a_plan_in_no_time(name):
    document = started_from(name)
    plan, why = designing.sized(fixed_test(document, Belief()))
    assert plan["days"] > 0, why
    assert "days" in words(sizes(document, Belief()))


def test_a_bandit_is_simulated(boss):
    asked = simulation(started_from("event-types"), Belief(per_day=20))
    found = designing.simulated(boss, designing.simulate(boss, asked))
    assert found["status"] in ("queued", "done")
    assert words(outcome(found, "EUR"))
    assert simulation(started_from("ab"), Belief()) is None


def test_beliefs_that_make_no_sense_are_as_usual():
    assert believed(("", None, -3, "x")) == Belief()
    assert believed((20, 5, 100, 2)) == Belief(0.2, 0.05, 100, 2)


def test_the_audience_says_why_not(boss):
    assert "No user is stored" in words(who_takes_part(boss, None))
    assert "as soon as" in words(who_takes_part(boss, {"almost": NOTHING}))
