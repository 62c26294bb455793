"""Definition → form → definition: laws of the designer's fields."""

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.errors import RuleError
from bandit.policies import DEFAULT_POLICY, POLICIES
from bandit.rules import compile_rule
from dashboard.designer.beyond import beyond
from dashboard.designer.commands import call_of
from dashboard.designer.conditions import OPERATORS, Condition, Conditions, conditions_of, rule_of, why_not
from dashboard.designer.document import concise, look, patch_between
from dashboard.designer.edits import Typed, edited, holdout_of, key_from, shown
from dashboard.designer.faults import placed
from dashboard.designer.field_renderer import BUTTON, FIELD, SWITCH, FieldRenderer
from dashboard.designer.parts import PARTS
from dashboard.designer.structure import acted
from dashboard.designer.templates import TEMPLATES, complete, started_from
from dashboard.designer.words import POLICY_WORDS, policy_choices
from experiments.errors import Fault
from experiments.model.checks import study
from experiments.model.designing.definition import Definition
from experiments.model.merging import merge_patch
from tests.examples import few

from .walking import identified, walk

names = st.text("abcdefghij-_0123456789", min_size=1, max_size=8).filter(lambda text: text[0].isalnum())
scalars = st.one_of(
    st.text(max_size=6),
    st.integers(-1000, 1000),
    st.floats(-1e6, 1e6, allow_nan=False),
    st.booleans(),
    st.sampled_from(["30", "1e5", '"x"', "true", "a, b", "NaN", "Infinity", "1e999", "null"]),
)
rows = st.builds(
    Condition,
    names,
    st.sampled_from(sorted(OPERATORS)),
    st.one_of(st.integers(0, 400).map(str), st.sampled_from(["DE", "DE, AT", "true", "0.5"])),
)
rules = st.recursive(
    st.one_of(
        st.builds(
            lambda op, name, value: {op: [{"var": name}, value]}, st.sampled_from(["==", ">=", "<"]), names, scalars
        ),
        st.builds(lambda name, values: {"in": [{"var": name}, values]}, names, st.lists(scalars, max_size=3)),
        st.builds(lambda name: {"missing": [name]}, names),
        st.builds(lambda name: {"!": {"missing": [name]}}, names),
        st.builds(lambda name: {"<=": [10, {"var": name}, 60]}, names),
    ),
    lambda inner: st.builds(lambda op, terms: {op: terms}, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1)),
    max_leaves=5,
)
money = st.floats(0, 1e6, allow_nan=False)
spans = st.sampled_from(["P7D", "PT1H", "P3DT12H", "PT90M", "P28D"])
instants = st.datetimes().map(lambda at: at.replace(year=2030).isoformat() + "Z")


@st.composite
def definitions(draw):
    """A template with much of it drawn anew; of the right shape, not always sound."""
    made = started_from(draw(st.sampled_from(sorted(TEMPLATES))))
    made |= {
        "name": draw(st.text(max_size=20)),
        "time_zone": draw(st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"])),
        "eligible": draw(st.none() | rules),
        "attribution_window": draw(spans),
        "learning_window": draw(st.none() | spans),
        "starts_at": draw(st.none() | instants),
        "ramp": draw(st.just([]) | st.builds(lambda share: [{"after": "PT0S", "share": share}], st.floats(0, 1))),
        "budget": draw(st.none() | st.builds(lambda amount, end: {"amount": amount, "ends_at": end, "pacing": "none"},
                                             money, st.none() | instants)),
        "stop": draw(st.none() | st.builds(lambda date: {**acted(made, "add", "/stop")["stop"], "date": date},
                                           spans | instants)),
        "context": {"numeric": draw(st.lists(names, max_size=3)), "categorical": []},
        "grace": draw(spans),
    }  # fmt: skip
    for arm in made["arms"]:
        arm |= {"reward_cost": draw(money), "eligible": draw(st.none() | rules), "payload": {"template": draw(names)}}
    for variant in made["variants"]:
        variant["share"] = draw(st.floats(0.001, 1))
        if variant["policy"]["name"] == "rules":
            variant["policy"]["params"]["rules"] = [{"when": draw(rules), "arm": "coupon-5"}]
    return made


def drawn(document, **options):
    """Every component of the form."""
    renderer = FieldRenderer(document, ["days_inactive"], **options)
    return [each for part in PARTS.values() for each in walk(part.draw(renderer))]


def fields(document):
    """What the form's fields hold as they are drawn."""
    found = identified(drawn(document), FIELD, SWITCH)
    return [Typed(each.id["at"], each.id["kind"], getattr(each, "value", None)) for each in found]


@few(40)
@given(definitions())
def test_a_form_that_is_not_touched_leaves_every_definition_as_it_is(document):
    before = deepcopy(document)
    assert edited(document, fields(document)) == before
    assert document == before


@few(40)
@given(definitions(), st.data())
def test_what_is_typed_is_shown_and_nothing_else_changes(document, data):
    free = {"text": st.text("abc xyz", max_size=9), "number": st.integers(0, 999), "percent": st.integers(1, 100)}
    field = data.draw(st.sampled_from([each for each in fields(document) if each.kind in free]))
    value = data.draw(free[field.kind])
    made = edited(document, [field._replace(value=value)])
    assert shown(made, field.at, field.kind) == value
    others = [each for each in fields(document) if each.at != field.at and "arms" not in field.at]
    if field.at == f"/variants/{holdout_of(document)}/share":
        others = [each for each in others if each.kind != "holdout"]
        assert shown(made, "/variants#holdout", "holdout") == f"{value:g}", "the quick choice shows that very share"
    for each in others:
        assert shown(made, each.at, each.kind) == each.value


@few(40)
@given(definitions(), instants)
def test_times_are_those_of_the_experiments_zone(document, at):
    document = {**document, "ends_at": at}
    told = shown(document, "/ends_at", "moment")
    cleared = edited(document, [Typed("/ends_at", "moment", None)])
    again = edited(cleared, [Typed("/ends_at", "moment", told)])
    assert cleared["ends_at"] is None
    assert shown(again, "/ends_at", "moment") == told


@given(st.lists(rows, max_size=4), st.sampled_from(["and", "or"]))
def test_rows_write_a_rule_that_reads_as_the_same_rows(found, match):
    rule = rule_of(Conditions(match, tuple(found)))
    compile_rule(rule)
    again = conditions_of(rule)
    assert again is not None
    assert rule_of(again) == rule
    assert [row[:2] for row in again.rows] == [row[:2] for row in found]


@given(rules)
def test_a_rule_is_shown_exactly_or_not_at_all(rule):
    found = conditions_of(rule)
    assert found is None or json.dumps(rule_of(found)) == json.dumps(rule)


@given(rules, st.dictionaries(names, scalars))
def test_why_not_is_said_where_a_rule_does_not_hold_and_only_there(rule, facts):
    try:
        holds = compile_rule(rule)(facts)
    except RuleError:
        return
    assert bool(why_not(rule, facts)) != holds


@few(40)
@given(definitions(), definitions())
def test_a_patch_makes_the_one_of_the_other(before, after):
    without_defaults = merge_patch(before, patch_between(before, after))
    assert {name: value for name, value in after.items() if value is not None} == {
        name: value for name, value in without_defaults.items() if value is not None
    } or _nulls_within(after)


def _nulls_within(node):
    """A merge patch cannot write null inside of an object: the name goes, which means the same in a definition."""
    inner = node.values() if isinstance(node, dict) else ()
    return any(isinstance(each, dict) and (None in each.values() or _nulls_within(each)) for each in inner)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_sound_and_all_of_it_is_in_the_form(name):
    document = started_from(name)
    reading = study(document)
    assert not reading.faults
    assert not reading.warnings
    assert not beyond(document)
    assert complete(concise(document)) == document
    assert "curl -X POST" in call_of(document, None, document)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_button_of_the_form_does_something(name):
    document = started_from(name)
    for at in ("/caps/contacts", "/guardrails", "/stop", "/budget", "/quiet_hours", "/caps/reward", "/eligible"):
        document = acted(document, "add", at)
    for each in identified(drawn(document), BUTTON):
        made = acted(document, each.id["verb"], each.id["at"])
        if each.id["verb"] in ("add", "remove"):
            assert made != document, each.id
        if each.id["verb"] == "add":
            assert study(made).definition is not None or "variants" in each.id["at"], each.id
        shares = [one["share"] for one in made["variants"]]
        assert sum(shares) == pytest.approx(1.0)


@pytest.mark.parametrize("share", ["0", "5", "10", "20"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_holdout_is_set_by_one_click_and_shares_stay_whole(name, share):
    document = started_from(name)
    made = edited(document, [Typed("/variants#holdout", "holdout", share)])
    place = holdout_of(made)
    assert (0 if place is None else made["variants"][place]["share"]) == pytest.approx(float(share) / 100)
    assert sum(each["share"] for each in made["variants"]) == pytest.approx(1.0, abs=1e-12)
    if share != "0":
        assert study(made).definition is not None


def test_an_arm_that_is_renamed_is_so_wherever_it_is_named():
    document = started_from("against-rules")
    document = edited(document, [Typed("/caps/arms/coupon-10", "arm-cap", 500)])
    made = edited(document, [Typed("/arms/2/key", "text", "big")])
    assert "coupon-10" not in json.dumps({**made, "arms": made["arms"][:2]})
    assert study(made).definition is not None


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_can_be_chosen_and_is_explained(name):
    assert POLICY_WORDS[name][1]
    document = started_from("event-types")
    made = edited(document, [Typed("/variants/0/policy", "policy", name)])
    assert study(made).definition is not None
    assert drawn(made)


def test_the_recommended_policy_comes_first():
    assert policy_choices()[0]["value"] == DEFAULT_POLICY


def test_every_field_of_a_definition_has_one_place_in_the_form():
    owned = [name for part in PARTS.values() for name in part.owns]
    assert sorted(owned) == sorted(Definition.model_fields)


@few(40)
@given(definitions(), st.data())
def test_every_fault_is_beside_something(document, data):
    pointers = st.sampled_from(["/arms/0/key", "/variants", "/eligible/and/0/var", "/budget/amount", "", "/clock"])
    faults = [Fault(pointer, "wrong") for pointer in data.draw(st.lists(pointers, max_size=4))]
    places = [(field.at, field.kind) for field in fields(document)]
    errors, rest = placed(faults, places)
    assert sum(error.count("wrong") for error in errors) + sum(map(len, rest.values())) == len(faults)
    assert set(rest) <= set(PARTS)


def test_a_fault_in_a_rule_stands_at_its_row():
    document = acted(acted(started_from("ab"), "preset:30-60", "/eligible"), "add", "/eligible")
    broken = edited(document, [Typed("/eligible#2", "feature", "")])
    places = [(field.at, field.kind) for field in fields(broken)]
    errors, rest = placed(study(broken).faults, places)
    assert errors[places.index(("/eligible#2", "feature"))]
    assert not rest


def test_what_may_not_change_is_disabled_and_has_no_buttons():
    document = started_from("two-rewards")
    locks = {"eligible": "why"}
    for each in identified(drawn(document, locks=locks), FIELD, SWITCH):
        assert each.disabled == each.id["at"].startswith("/eligible"), each.id
    assert not [each for each in identified(drawn(document, locks=locks), BUTTON) if each.id["at"] == "/eligible"]


def test_who_only_reads_sees_no_button_and_nothing_to_type():
    components = drawn(started_from("against-rules"), reading=True)
    assert not identified(components, FIELD, SWITCH, BUTTON)
    shown_fields = identified(components, f"{FIELD}-shown", f"{SWITCH}-shown")
    assert shown_fields
    assert all(each.disabled for each in shown_fields)


def test_a_key_comes_from_the_name():
    assert key_from("Spring: bring them back!") == "spring-bring-them-back"
    assert key_from("???", "two-rewards") == "two-rewards"
    assert look({"a": [{"b/c": 1}]}, "/a/0/b~1c") == 1
