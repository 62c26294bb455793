"""Logged rounds as policies learn them."""

from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
import structlog

from bandit.errors import LabelError
from bandit.policy import Policy, validate_round
from bandit.rounds import Round, Scalar
from experiments.model.deciding.eligibility import NOTHING_LEFT
from experiments.model.deciding.hashing import unit_number
from experiments.store.designing.revisions import RevisionFacts
from experiments.store.learning import Lesson

_log = structlog.get_logger("winback.learning")


class Recalled(msgspec.Struct):
    """The part of a record that a lesson needs."""

    context: dict[str, Scalar]
    eligible: list[str]
    pmf: list[float]
    costs: dict[str, float] = {}
    erased: bool = False
    policy: str = ""


_recall = msgspec.json.Decoder(Recalled).decode


def rounds_of(salt: bytes, facts: Mapping[int, RevisionFacts], found: Iterable[Lesson]) -> list[Round]:
    """The rounds of an experiment's lessons, without erased persons' and those in which the policy could not choose."""
    rounds = []
    for lesson in found:
        record = _recall(lesson.record)
        if record.erased or record.policy == NOTHING_LEFT or lesson.arm not in record.eligible:
            continue
        arms = facts[lesson.revision].arms(record.eligible, record.costs)
        propensity = lesson.propensity if lesson.marginal_propensity is None else lesson.marginal_propensity
        chosen = record.eligible.index(lesson.arm)
        person = unit_number(salt, lesson.unit_id)
        rounds.append(Round(record.context, arms, chosen, np.array(record.pmf), propensity, lesson.reward, person))
    return rounds


def teach(policy: Policy, rounds: list[Round]) -> None:
    """Learn the rounds in their order; one that no policy may learn from is left out and logged."""
    try:
        policy.learn(rounds)
    except LabelError:
        policy.learn([logged for logged in rounds if _is_valid(logged)])


def _is_valid(logged: Round) -> bool:
    try:
        validate_round(logged)
    except LabelError as error:
        _log.error("round left out", reason=str(error))
        return False
    return True
