"""From what was typed into fields to the definition. A field that shows what is there leaves it untouched."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from bandit.rounds import NOTHING
from dashboard.designer.conditions import Condition, Conditions, conditions_of, rule_of
from dashboard.designer.document import Json, look, pointer, put, without
from dashboard.designer.kinds import KINDS, zone_of

CONDITION_PARTS = ("feature", "operator", "operand")
_KEY = re.compile(r"[^a-z0-9]+")


class Typed(NamedTuple):
    """A field: where it writes (a rule's row after `#`), of which kind it is, and what it holds."""

    at: str
    kind: str
    value: Any


def shown(document: Json, at: str, kind: str) -> Any:
    """What a field shows of the definition."""
    if kind in SPECIAL:
        return SPECIAL[kind][0](document, at)
    return KINDS[kind].read(look(document, at), zone_of(document))


def edited(document: Json, typed: Iterable[Typed]) -> Json:
    """The definition with every field written that differs from what is there."""
    made = document
    for field in typed:
        if field.value != shown(document, field.at, field.kind):
            made = _written(made, field)
    return _renamed(document, made)


def _written(document: Json, field: Typed) -> Json:
    if field.kind in SPECIAL:
        return SPECIAL[field.kind][1](document, field.at, field.value)
    value = KINDS[field.kind].write(field.value, zone_of(document))
    made: Json = put(document, field.at, value)
    return made


def key_from(name: str, fallback: str = "campaign") -> str:
    """A key for a name: small letters, digits and hyphens."""
    return _KEY.sub("-", name.lower()).strip("-")[:64].strip("-") or fallback


def _policy(document: Json, at: str) -> Any:
    return look(document, f"{at}/name")


def _another_policy(document: Json, at: str, name: Any) -> Json:
    arms = [arm["key"] for arm in document["arms"]]
    offers = [arm for arm in arms if arm != NOTHING] or [NOTHING]
    params: dict[str, Json] = {
        "fixed": {"arm": offers[0]},
        "rules": {"rules": [], "default": offers[0]},
        "split": {"weights": {arm: 1 / len(offers) for arm in offers}},
    }
    made: Json = put(document, at, {"name": name or "", "floor": None, "params": params.get(name, {})})
    return made


def _rule(document: Json, at: str) -> tuple[str, Conditions, int]:
    place, _, row = at.partition("#")
    return place, conditions_of(look(document, place)) or Conditions(), int(row or 0)


def _part_of_row(part: int) -> tuple[Callable[[Json, str], Any], Callable[[Json, str, Any], Json]]:
    def read(document: Json, at: str) -> Any:
        _, found, row = _rule(document, at)
        return found.rows[row][part] if row < len(found.rows) else None

    def write(document: Json, at: str, value: Any) -> Json:
        place, found, row = _rule(document, at)
        if row >= len(found.rows):
            return document
        changed = list(found.rows[row])
        changed[part] = value or ""
        rows = (*found.rows[:row], Condition(*changed), *found.rows[row + 1 :])
        made: Json = put(document, place, rule_of(found._replace(rows=rows)))
        return made

    return read, write


def _match(document: Json, at: str) -> str:
    return _rule(document, at)[1].match


def _another_match(document: Json, at: str, value: Any) -> Json:
    place, found, _ = _rule(document, at)
    made: Json = put(document, place, rule_of(found._replace(match=value or "and")))
    return made


def holdout_of(document: Json) -> int | None:
    """The place of the variant that gets nothing."""
    for at, variant in enumerate(document.get("variants", [])):
        policy = variant.get("policy", {})
        if policy.get("name") == "fixed" and policy.get("params", {}).get("arm") == NOTHING:
            return at
    return None


def _holdout(document: Json, _at: str) -> str:
    place = holdout_of(document)
    share = 0 if place is None else document["variants"][place]["share"]
    return f"{100 * share:g}" if isinstance(share, int | float) else ""


def _another_holdout(document: Json, _at: str, value: Any) -> Json:
    share = float(value) / 100
    place = holdout_of(document)
    variants = [each for at, each in enumerate(document["variants"]) if at != place]
    others = scaled(variants, 1 - share)
    if share:
        holdout = {"key": free_key("holdout", variants), "policy": {"name": "fixed", "floor": None, "params": {
            "arm": NOTHING}}, "learn_from": "own"}  # fmt: skip
        found = holdout if place is None else document["variants"][place]
        others = [*others, {**found, "share": share}]
    return {**document, "variants": others}


def scaled(variants: list[Json], total: float) -> list[Json]:
    """Variants with shares that sum to `total`; the last takes what rounding leaves."""
    whole = sum(each["share"] for each in variants if isinstance(each["share"], int | float)) or 1.0
    shares = [round(total * float(each["share"] or 0) / whole, 6) for each in variants]
    if shares:
        shares[-1] = round(total - sum(shares[:-1]), 6)
    return [{**each, "share": share} for each, share in zip(variants, shares, strict=True)]


def free_key(key: str, items: list[Json]) -> str:
    """The key, with a number where it is taken."""
    taken = {each.get("key") for each in items}
    return next(name for number in range(1, 2000) if (name := key if number == 1 else f"{key}-{number}") not in taken)


def _arm_cap(document: Json, at: str) -> Any:
    total = look(document, at + "/total")
    return "" if total is None else total


def _another_arm_cap(document: Json, at: str, value: Any) -> Json:
    made: Json = without(document, at) if value in ("", None) else put(document, at, {"total": value})
    return made


def _as_json(document: Json, at: str) -> str:
    return json.dumps(look(document, at), sort_keys=True)


def _from_json(document: Json, at: str, value: Any) -> Json:
    made: Json = put(document, at, json.loads(value or "null"))
    return made


SPECIAL: dict[str, tuple[Callable[[Json, str], Any], Callable[[Json, str, Any], Json]]] = {
    "policy": (_policy, _another_policy),
    "match": (_match, _another_match),
    "holdout": (_holdout, _another_holdout),
    "arm-cap": (_arm_cap, _another_arm_cap),
    "json": (_as_json, _from_json),
    **{name: _part_of_row(part) for part, name in enumerate(CONDITION_PARTS)},
}
"""Kinds whose fields stand for more than one value."""


def _renamed(before: Json, after: Json) -> Json:
    """Where arms have other keys now, everything that named them names them still."""
    old, new = ([arm.get("key") for arm in each.get("arms", [])] for each in (before, after))
    if len(old) != len(new) or old == new:
        return after
    names = {was: now for was, now in zip(old, new, strict=True) if was != now and was not in new and now}
    made = after
    for at, variant in enumerate(after["variants"]):
        policy = variant.get("policy", {})
        made = put(made, pointer("variants", at, "policy", "params"), _named_anew(policy.get("params"), names))
    caps = look(made, "/caps/arms")
    if isinstance(caps, dict):
        made = put(made, "/caps/arms", {names.get(key, key): cap for key, cap in caps.items()})
    if made.get("control") in names:
        made = {**made, "control": names[made["control"]]}
    return dict(made)


def _named_anew(value: Any, names: dict[Any, Any]) -> Any:
    if isinstance(value, dict):
        return {
            names.get(key, key): inner if key == "when" else _named_anew(inner, names) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_named_anew(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value
