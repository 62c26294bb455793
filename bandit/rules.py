"""JsonLogic (jsonlogic.com), the part that campaigns need: `var == != < <= > >= in and or ! missing`.

A rule is compiled once into closures. What is wrong with it is found then, all at once, each fault with its JSON
pointer; evaluating never raises. Stricter than JsonLogic where it guesses: a comparison with a missing variable is
false (`!=` too), and so is an ordering between a number and a text.
"""

import math
import operator
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

from bandit.errors import RuleError

Rule: TypeAlias = Any
Facts: TypeAlias = Mapping[str, Any]
Term: TypeAlias = Callable[[Facts], Any]

MAX_DEPTH = 32

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compile_rule(rule: Rule) -> Callable[[Facts], bool]:
    """A predicate over context and profile. Raises RuleError with every fault. None means: always."""
    if rule is None:
        return lambda _: True
    faults: dict[str, str] = {}
    term = _compile(rule, "", faults, 0)
    if not isinstance(rule, bool | Mapping):
        faults[""] = f"must be an object or a truth value, not {rule!r:.60}"
    if faults:
        raise RuleError(faults)
    return lambda facts: bool(term(facts))


def _compile(node: Rule, where: str, faults: dict[str, str], depth: int) -> Term:
    if depth > MAX_DEPTH:
        faults[where] = f"nested deeper than {MAX_DEPTH}"
        return _constant(None)
    if isinstance(node, str | int | float):
        return _constant(node)
    if not isinstance(node, Mapping) or len(node) != 1:
        faults[where] = f"must be a text, a number, a truth value or an object with one operator, not {node!r:.60}"
        return _constant(None)
    ((name, given),) = node.items()
    builder = _OPERATORS.get(name)
    if builder is None:
        faults[where] = f"unknown operator {name!r:.40}; known: {', '.join(_OPERATORS)}"
        return _constant(None)
    return builder(given, name, f"{where}/{str(name).replace('~', '~0').replace('/', '~1')}", faults, depth)


def _constant(value: object) -> Term:
    return lambda _: value


def _terms(given: Rule, where: str, faults: dict[str, str], depth: int) -> list[Term]:
    if not isinstance(given, list | tuple):
        return [_compile(given, where, faults, depth + 1)]
    return [_compile(node, f"{where}/{place}", faults, depth + 1) for place, node in enumerate(given)]


def _var(given: Rule, _name: str, where: str, faults: dict[str, str], _depth: int) -> Term:
    parts = list(given) if isinstance(given, list | tuple) else [given]
    if len(parts) not in (1, 2) or not isinstance(parts[0], str) or not parts[0]:
        faults[where] = "must be a name, or a name and a default"
        return _constant(None)
    name, default = parts[0], parts[1] if len(parts) == 2 else None
    if default is not None and not isinstance(default, str | int | float):
        faults[f"{where}/1"] = "the default must be a text, a number or a truth value"

    def look_up(facts: Facts) -> Any:
        value = facts.get(name)
        return default if _is_missing(value) else value

    return look_up


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _compare(given: Rule, name: str, where: str, faults: dict[str, str], depth: int) -> Term:
    most = 3 if name in ("<", "<=") else 2
    if not isinstance(given, list | tuple) or not 2 <= len(given) <= most:
        faults[where] = f"needs {'two or three' if most == 3 else 'two'} values"
        return _constant(None)
    if any(node is None for node in given):
        faults[where] = "compares with null; use `missing`"
        return _constant(None)
    terms, test = _terms(given, where, faults, depth), _COMPARISONS[name]

    def holds(facts: Facts) -> bool:
        values = [term(facts) for term in terms]
        if any(map(_is_missing, values)):
            return False
        return all(_test(test, left, right) for left, right in pairwise(values))

    return holds


def _test(test: Callable[[Any, Any], Any], left: object, right: object) -> bool:
    try:
        return bool(test(left, right))
    except TypeError:
        return False


def _in(given: Rule, _name: str, where: str, faults: dict[str, str], depth: int) -> Term:
    if not isinstance(given, list | tuple) or len(given) != 2:
        faults[where] = "needs a value and a list or a text to find it in"
        return _constant(None)
    needle = _compile(given[0], f"{where}/0", faults, depth + 1)
    if not isinstance(given[1], list | tuple):
        hay = _compile(given[1], f"{where}/1", faults, depth + 1)
        return lambda facts: _within_text(needle(facts), hay(facts))
    choices = _terms(given[1], f"{where}/1", faults, depth)

    def holds(facts: Facts) -> bool:
        value = needle(facts)
        return not _is_missing(value) and any(_test(operator.eq, value, choice(facts)) for choice in choices)

    return holds


def _within_text(part: object, text: object) -> bool:
    return isinstance(part, str) and isinstance(text, str) and part in text


def _all_or_any(given: Rule, name: str, where: str, faults: dict[str, str], depth: int) -> Term:
    if not isinstance(given, list | tuple) or not given:
        faults[where] = "needs a list of rules"
        return _constant(None)
    terms = _terms(given, where, faults, depth)
    if name == "and":
        return lambda facts: all(term(facts) for term in terms)
    return lambda facts: any(term(facts) for term in terms)


def _not(given: Rule, _name: str, where: str, faults: dict[str, str], depth: int) -> Term:
    terms = _terms(given, where, faults, depth)
    if len(terms) != 1:
        faults[where] = "needs one rule"
        return _constant(None)
    return lambda facts: not terms[0](facts)


def _missing(given: Rule, _name: str, where: str, faults: dict[str, str], _depth: int) -> Term:
    names = list(given) if isinstance(given, list | tuple) else [given]
    if not names or not all(isinstance(name, str) and name for name in names):
        faults[where] = "needs names"
        return _constant(None)
    return lambda facts: any(_is_missing(facts.get(name)) for name in names)


_OPERATORS: dict[str, Callable[[Rule, str, str, dict[str, str], int], Term]] = {
    "var": _var,
    **dict.fromkeys(_COMPARISONS, _compare),
    "in": _in,
    "and": _all_or_any,
    "or": _all_or_any,
    "!": _not,
    "missing": _missing,
}
