"""Several logs of different logging policies read as one: the balanced mixture, where every logger's pmf is known.

Row by row the propensity of the logged arm is averaged over the loggers by their shares of the rows,

    μ̄(a|x) = Σ_l (n_l / n) μ_l(a|x)

(Agarwal, Basu, Schnabel & Joachims, *Effective evaluation using logged bandit feedback from multiple loggers*, KDD
2017, section 4.2). Every estimator then divides by μ̄, so that support under any one logger is enough, and no row weighs
more than under its own logger times the loggers' number.

What a logger would have done in a row of another log is known where it drew `uniform`, where its shares `within` strata
can be looked up (the columns are in the other log too, and the stratum occurs in its own), or where the other log
recorded it (a column in `[shadow]` under the logger's name). Else each row keeps its own logger's propensity: still
unbiased, with heavier weights, and called so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from offline_eval.logs.log import Log, log_of
from offline_eval.logs.several.agreement import LogsDifferError, check_agreement, unknown_loggers
from offline_eval.logs.several.stack import Stack
from offline_eval.logs.sources import ArrowSource

__all__ = ["MIXTURE", "OWN", "LogsDifferError", "Several", "as_one"]

MIXTURE, OWN = "balanced mixture", "each row's own logger"


@dataclass(frozen=True)
class Several:
    """Logs read as one.

    Attributes:
        log: all rows, one log after the other, with the propensities described by `propensities`.
        propensities: MIXTURE, or OWN where some logger's pmf in another's rows is not known.
        unknown: why, in sentences; empty with MIXTURE.
    """

    log: Log
    propensities: str
    unknown: tuple[str, ...]


def as_one(logs: Sequence[Log]) -> Several:
    """Raises LogsDifferError where objective, control, context, segments, units or the arms' descriptions differ."""
    check_agreement(logs)
    pairs = [(other, log) for log in logs for other in logs]
    unknown = tuple(dict.fromkeys(sentence for pair in pairs for sentence in unknown_loggers(*pair)))
    stack = Stack(tuple(logs), mixed=not unknown)
    source = ArrowSource(stack.schema, stack.batches)
    log = log_of(source, stack.spec)
    return Several(log, OWN if unknown else MIXTURE, unknown)
