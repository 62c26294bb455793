"""What a replay may be told, and which estimators its log can feed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from offline_eval.candidates.candidate import Candidate
from offline_eval.engine import Engine
from offline_eval.judging.claim import DEFAULT, Claim
from offline_eval.judging.setting import categories
from offline_eval.logs.log import Log
from offline_eval.models import DEFAULT_OUTCOME_MODEL
from offline_eval.ope import ESTIMATORS

NOT_FOR_ONE_LOG = "mixture_propensity"
"""What only a mixture of several logs has."""


class UnknownEstimatorError(Exception):
    """An estimator that is not there, or that this log cannot feed; the message says which can be used."""


@dataclass(frozen=True)
class Options:
    """How to judge.

    Attributes:
        outcome_model: name in OUTCOME_MODELS.
        extra: candidates beyond those with a name, such as `candidates.own` makes of a function.
        claim: at which confidence and by which interval; by default 95 % by each estimator's own rule.
        mixture: the log is several logs, and its propensities are averaged over their loggers.
        unreadable: reasons of candidates that could not be built, by name; they are told with those that fail.
        moving: whether the arms' shares moved during some log; None: told by this one.
        pictures: gather what `offline_eval.pictures.draw` needs, a pass of its own, under `pictures`.
    """

    outcome_model: str = DEFAULT_OUTCOME_MODEL
    engine: Engine | None = None
    extra: tuple[Candidate, ...] = ()
    claim: Claim = DEFAULT
    mixture: bool = False
    pictures: bool = False
    moving: bool | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)


def usable_estimators(log: Log, wanted: Sequence[str] | None, *, mixture: bool = False) -> tuple[str, ...]:
    """The estimators to use. Raises UnknownEstimatorError."""
    absent = set() if mixture else {NOT_FOR_ONE_LOG}
    absent |= {"category"} if categories(log) is None else set()
    absent |= {"logged"} if log.spec.propensity.column and not log.spec.pmf else set()
    usable = tuple(name for name, estimator in ESTIMATORS.items() if not estimator.basis.needs & absent)
    for name in wanted or ():
        if name not in usable:
            why = "needs what this log does not have" if name in ESTIMATORS else "is not an estimator"
            raise UnknownEstimatorError(f"'{name}' {why}; known here: {', '.join(usable)}")
    return tuple(dict.fromkeys(wanted)) if wanted else usable
