import json

import pytest
from bandit_strategies import contexts, scalars
from hypothesis import given
from hypothesis import strategies as st

from bandit.errors import RuleError
from bandit.rules import compile_rule

FACTS = {"days": 45, "country": "DE", "vip": True, "score": 0, "empty": "", "none": None, "nan": float("nan")}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (None, True),
        (True, True),
        (False, False),
        ({">=": [{"var": "days"}, 30]}, True),
        ({"<": [{"var": "days"}, 30]}, False),
        ({"<=": [30, {"var": "days"}, 60]}, True),
        ({"<": [45, {"var": "days"}, 60]}, False),
        ({"==": [{"var": "country"}, "DE"]}, True),
        ({"!=": [{"var": "country"}, "DE"]}, False),
        ({"in": [{"var": "country"}, ["DE", "FR"]]}, True),
        ({"in": ["D", {"var": "country"}]}, True),
        ({"in": [{"var": "country"}, []]}, False),
        ({"and": [{"var": "vip"}, {">": [{"var": "days"}, 1]}]}, True),
        ({"or": [{"var": "score"}, {"var": "empty"}]}, False),
        ({"!": {"var": "vip"}}, False),
        ({"!": [{"var": "score"}]}, True),
        ({"missing": ["days", "country"]}, False),
        ({"missing": "nowhere"}, True),
        ({"missing": ["days", "none"]}, True),
        ({"missing": ["nan"]}, True),
        ({"==": [{"var": ["nowhere", 5]}, 5]}, True),
        ({"==": [{"==": [1, 1]}, True]}, True),
    ],
)
def test_meaning(rule, expected):
    assert compile_rule(rule)(FACTS) is expected


@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("name", ["nowhere", "none", "nan"])
def test_comparisons_with_missing_variables_are_false(operator, name):
    assert compile_rule({operator: [{"var": name}, 1]})(FACTS) is False
    assert compile_rule({operator: [1, {"var": name}]})(FACTS) is False


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
def test_orderings_of_numbers_and_texts_are_false(operator):
    assert compile_rule({operator: [{"var": "country"}, 1]})(FACTS) is False


@pytest.mark.parametrize(
    ("rule", "pointers"),
    [
        ({"=": [1, 2]}, {""}),
        (5, {""}),
        ("x", {""}),
        ([], {""}),
        ({}, {""}),
        ({"==": [1, 2], "!=": [1, 2]}, {""}),
        ({"and": []}, {"/and"}),
        ({"and": [{"x": 1}, {"==": [1]}, {"var": ""}]}, {"/and/0", "/and/1/==", "/and/2/var"}),
        ({"!": [True, False]}, {"/!"}),
        ({"in": [1]}, {"/in"}),
        ({"in": [{"var": 3}, [{"y": 1}]]}, {"/in/0/var", "/in/1/0"}),
        ({"missing": []}, {"/missing"}),
        ({"missing": [1]}, {"/missing"}),
        ({"==": [{"var": "a"}, None]}, {"/=="}),
        ({">": [1, 2, 3]}, {"/>"}),
        ({"==": [{"var": ["a", []]}, 1]}, {"/==/0/var/1"}),
    ],
)
def test_faults_are_found_at_once_with_their_pointers(rule, pointers):
    with pytest.raises(RuleError) as caught:
        compile_rule(rule)
    assert set(caught.value.faults) == pointers


def test_depth_is_bounded():
    rule = True
    for _ in range(3000):
        rule = {"!": rule}
    with pytest.raises(RuleError):
        compile_rule(rule)


variables = st.builds(lambda name: {"var": name}, st.sampled_from(["segment", "days", "spent", "flag", "x"]))
values = st.one_of(variables, st.integers(-5, 5), st.text(max_size=3), st.booleans(), st.floats(-5, 5))


def _operators(inner):
    return st.one_of(
        st.builds(lambda op, a, b: {op: [a, b]}, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), values, values),
        st.builds(lambda a, items: {"in": [a, items]}, values, st.lists(values, max_size=3)),
        st.builds(
            lambda op, items: {op: items}, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3)
        ),
        st.builds(lambda a: {"!": a}, inner),
        st.just({"missing": ["segment", "x"]}),
    )


rules = st.recursive(st.one_of(st.booleans(), variables), _operators, max_leaves=8)


@given(rules, contexts)
def test_evaluating_never_raises_and_gives_a_truth_value(rule, facts):
    assert compile_rule(rule)(facts) in (True, False)


@given(rules, rules, contexts)
def test_de_morgan(first, second, facts):
    both = compile_rule({"!": {"and": [first, second]}})(facts)
    assert both == compile_rule({"or": [{"!": first}, {"!": second}]})(facts)


@given(rules, contexts)
def test_a_rule_survives_json(rule, facts):
    assert compile_rule(json.loads(json.dumps(rule)))(facts) == compile_rule(rule)(facts)


@given(
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=8,
    )
)
def test_anything_compiles_or_is_refused(rule):
    try:
        compile_rule(rule)({})
    except RuleError as error:
        assert error.faults
