"""Rules built by clicking: rows of feature, operator and value, joined by all or any."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from bandit.rules import compile_rule

OPERATORS: dict[str, str] = {
    ">=": "at least",
    "<=": "at most",
    ">": "more than",
    "<": "less than",
    "==": "is",
    "!=": "is not",
    "in": "is one of",
    "missing": "is not known",
    "known": "is known",
}
"""Operator → in words. `missing` and `known` take no value."""

VALUELESS = ("missing", "known")
MATCHES = {"and": "all of these hold", "or": "any of these holds"}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


class Condition(NamedTuple):
    """One row; `operand` is the value as typed."""

    feature: str = "days_inactive"
    operator: str = ">="
    operand: str = "30"

    @property
    def sentence(self) -> str:
        """In words."""
        told = f"{self.feature} {OPERATORS[self.operator]}"
        return told if self.operator in VALUELESS else f"{told} {self.operand}"


class Conditions(NamedTuple):
    """Rows and how they are joined; `wrapped` where a single row is written inside of a list."""

    match: str = "and"
    rows: tuple[Condition, ...] = ()
    wrapped: bool = False


def conditions_of(rule: Any) -> Conditions | None:
    """The rows that write this very rule; None where no rows do."""
    found = _read(rule)
    return found if found is not None and _same(rule_of(found), rule) else None


def rule_of(conditions: Conditions) -> Any:
    """JsonLogic; None without rows."""
    terms = [term_of(row) for row in conditions.rows]
    if not terms:
        return None
    return terms[0] if len(terms) == 1 and not conditions.wrapped else {conditions.match: terms}


def term_of(row: Condition) -> Any:
    """One row as JsonLogic."""
    if row.operator == "missing":
        return {"missing": [row.feature]}
    if row.operator == "known":
        return {"!": {"missing": [row.feature]}}
    value: Any = listed(row.operand) if row.operator == "in" else parsed(row.operand)
    return {row.operator: [{"var": row.feature}, value]}


def parsed(text: str) -> Any:
    """A number, a truth value, a text in quotes; anything else is a text as it stands."""
    try:
        value = json.loads(text, parse_constant=lambda _: text)
    except ValueError:
        return text
    if isinstance(value, float) and not math.isfinite(value):
        return text
    return value if isinstance(value, str | int | float) else text


def listed(text: str) -> list[Any]:
    """Values with commas between them."""
    return [parsed(each.strip()) for each in text.split(",") if each.strip()]


def written(value: Any) -> str:
    """A value as it would be typed."""
    if isinstance(value, list):
        return ", ".join(written(each) for each in value)
    if isinstance(value, str) and _same(parsed(value), value) and value:
        return value
    return json.dumps(value, ensure_ascii=False)


def why_not(rule: Any, facts: Mapping[str, Any]) -> list[str]:
    """What of a rule does not hold, in words; empty where it holds."""
    if compile_rule(rule)(facts):
        return []
    found = conditions_of(rule)
    if found is None:
        return ["the rule does not hold"]
    failed = [row for row in found.rows if not compile_rule(term_of(row))(facts)]
    told = [f"{row.sentence} does not hold: {_known(facts, row.feature)}" for row in failed]
    return told if found.match == "and" else [f"none of {len(told)} holds: {'; '.join(told)}"]


def _known(facts: Mapping[str, Any], feature: str) -> str:
    value = facts.get(feature)
    if value is None:
        return "not known"
    return f"it is {value:,.1f}".removesuffix(".0") if isinstance(value, float) else f"it is {value}"


def _read(rule: Any) -> Conditions | None:
    if rule is None:
        return Conditions()
    if not isinstance(rule, dict) or len(rule) != 1:
        return None
    ((name, given),) = rule.items()
    if name in MATCHES:
        rows = [_row(term) for term in given] if isinstance(given, list) else [None]
        known = tuple(row for row in rows if row is not None)
        return Conditions(name, known, len(rows) == 1) if len(known) == len(rows) else None
    row = _row(rule)
    return None if row is None else Conditions("and", (row,))


def _row(term: Any) -> Condition | None:
    if not isinstance(term, dict) or len(term) != 1:
        return None
    ((name, given),) = term.items()
    if name == "missing":
        return _about(given, "missing")
    if name == "!":
        return _about(given.get("missing"), "known") if isinstance(given, dict) else None
    if name not in (*_COMPARISONS, "in") or not isinstance(given, list) or len(given) != 2:
        return None
    variable = given[0].get("var") if isinstance(given[0], dict) else None
    sound = isinstance(given[1], list) if name == "in" else isinstance(given[1], str | int | float)
    return Condition(variable, name, written(given[1])) if isinstance(variable, str) and sound else None


def _about(names: Any, operator: str) -> Condition | None:
    one = names[0] if isinstance(names, list) and len(names) == 1 else None
    return Condition(one, operator, "") if isinstance(one, str) else None


def _same(one: Any, other: Any) -> bool:
    """Alike as JSON: 1, 1.0 and true are three things."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
