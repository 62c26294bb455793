"""Who would be eligible: a rule held against a bounded sample of the units that are stored."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from bandit.errors import RuleError
from bandit.history import FEATURES
from bandit.rules import compile_rule
from experiments.errors import Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.core import Unit
from experiments.model.times import now
from experiments.model.unit_features import history_features
from experiments.store.core.engine import reading

SAMPLE = 2_000
EXAMPLES = 5
NAMED = 200
"""Units whose features are offered by name."""

Document = dict[str, Any]
Facts = dict[str, Any]


def audience(engine: Engine, principal: Principal, rule: Any) -> Document:
    """How many of the first 2,000 stored units, by id, a rule holds for, and five of them: three who are in, two out.

    `whole` says whether these are all units that are stored. Facts are the history's features as of now, the profile
    and the segments; what callers send with each request is not known here. Raises ForbiddenError, InvalidError.
    """
    require(principal, "read")
    holds = _compiled(rule)
    units = list(_facts(engine, SAMPLE + 1))
    sampled = [(unit_id, facts, holds(facts)) for unit_id, facts in units[:SAMPLE]]
    inside = [each for each in sampled if each[2]]
    outside = [each for each in sampled if not each[2]]
    least = EXAMPLES - min(len(outside), EXAMPLES // 2)
    shown = [*inside[:least], *outside[: EXAMPLES - min(len(inside), least)]]
    return {
        "sampled": len(sampled),
        "whole": len(units) <= SAMPLE,
        "eligible": len(inside),
        "examples": [{"unit_id": unit_id, "eligible": held, "facts": facts} for unit_id, facts, held in shown],
    }


def feature_names(engine: Engine, principal: Principal) -> list[str]:
    """What rules and policies may look at: features of the history, and those of stored units, most frequent first.

    Raises ForbiddenError.
    """
    require(principal, "read")
    seen = Counter(name for _, facts in _facts(engine, NAMED) for name in facts if name not in FEATURES)
    return [*FEATURES, *(name for name, _ in seen.most_common(NAMED))]


def _compiled(rule: Any) -> Any:
    try:
        return compile_rule(rule)
    except RuleError as error:
        raise InvalidError([Fault(pointer, sentence) for pointer, sentence in error.faults.items()]) from error


def _facts(engine: Engine, most: int) -> Iterator[tuple[str, Facts]]:
    query = select(Unit.unit_id, Unit.profile, Unit.facts, Unit.segments).order_by(col(Unit.unit_id)).limit(most)
    moment = now()
    with reading(engine) as session:
        rows = session.exec(query).all()
    for unit_id, profile, facts, segments in rows:
        yield (
            unit_id,
            {
                **history_features(facts, moment),
                **_scalars(json.loads(profile)),
                **_scalars({} if segments is None else json.loads(segments)),
            },
        )


def _scalars(found: Mapping[str, Any]) -> Facts:
    return {name: value for name, value in found.items() if isinstance(value, str | int | float)}
