"""What to know of a log's readout, in sentences."""

from offline_eval.ab.logged.gathering import Tally
from offline_eval.ab.logged.sight import Sight
from offline_eval.logs.log import Log

UNKNOWN_SUPPORT = (
    "the log holds the probability of the drawn arm alone: whether the other arm of a contrast could have been drawn in"
    " a row is not known, except where the drawn one was certain (such rows are left out). If some arms could not be"
    " drawn in some rows, name log.eligible or log.pmf"
)
MAY_HAVE_LEARNED = (
    "if the policy learned from outcomes of this log while it drew, the intervals here do not claim coverage"
    " (they do if it was fixed beforehand)"
)
FITTED = (
    "the probabilities were estimated: an arm is taken to be possible wherever the fitted probability is at least 0.1 %"
)
TYPES_UNKNOWN = "event types of several arms are not compared: that takes the probabilities of all arms (log.pmf)"


def notes(log: Log, sight: Sight, tally: Tally) -> list[str]:
    """Of the log as a whole; none where there is nothing to know."""
    found = []
    if not sight.support.known:
        found.append(UNKNOWN_SUPPORT)
    if log.spec.propensity.column:
        found.append(MAY_HAVE_LEARNED)
    if sight.support.fitted:
        found.append(FITTED)
    if not sight.support.probabilities and any(arm.event_type for arm in log.arms):
        found.append(TYPES_UNKNOWN)
    if sight.clustered:
        people = "more units than were counted" if log.units is None else f"{len(log.units):,} units"
        found.append(f"{people} have {tally.n:,} rows: intervals and effective sizes count units, not rows")
    return found


def over(arm: str, control: str, share: float | None, most: float) -> str:
    """Over whom an arm's mean is."""
    one = f"{arm} could have been drawn" if arm == control else f"both {arm} and {control} could have been drawn"
    if share is None:
        return f"rows where {one}, as far as the log tells: at most {most:.1%} of all"
    return "all rows" if share == 1 else f"rows where {one}: {share:.1%} of all"
