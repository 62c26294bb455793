"""What a replay does not claim, in sentences: bounds that are not shown, and logs whose shares of arms moved."""

from collections.abc import Iterator

from offline_eval.estimate import Estimate
from offline_eval.intervals.known import Known
from offline_eval.intervals.rule import covers, is_bounded
from offline_eval.ope.verdict import NOTHING_MISSING, REMEDY

MOVED = "The arms' shares moved during the log, as those of a policy that learns do: "
HELD = f"{MOVED}the values' intervals hold, those of differences claim no coverage."
PLAIN = (
    f"{MOVED}the intervals claim no coverage. Those of values that `--anytime` gives do, where rewards have a known "
    "range and every row is another person's."
)
OF_MARTINGALES = "merged_cs"
"""The interval of a replay that needs no more than right probabilities, whatever they reacted to."""


def unsaid(value: Estimate, versus: Estimate, known: Known, *, anytime: bool, moving: bool) -> tuple[str, ...]:
    """Doubts about a policy's value and its difference from the log, beyond what the rows tell."""
    return tuple(_sentences(value, versus, known, anytime, moving))


def interval_of(found: Estimate) -> str:
    """Name of the interval in an estimate's method."""
    return found.method.rpartition("+")[2]


def _sentences(value: Estimate, versus: Estimate, known: Known, anytime: bool, moving: bool) -> Iterator[str]:
    if moving:
        yield HELD if interval_of(value) == OF_MARTINGALES else PLAIN
    if value.value is None:
        if known.weights.positive:
            yield f"'{value.method.partition('+')[0]}' has no value of this policy."
        return
    if not value.is_bounded:
        yield from _why_withheld(value, known, anytime)
    elif not versus.is_bounded and versus.value is not None:
        yield "The difference from what the log earned has no interval: " + (
            "few large rewards make up too much of it."
            if not is_bounded(known)
            else f"'{interval_of(versus)}' has none for it."
        )


def _why_withheld(value: Estimate, known: Known, anytime: bool) -> Iterator[str]:
    """Nothing where the verdict itself says why."""
    if is_bounded(known):
        yield f"No interval is shown: '{interval_of(value)}' has none for so few rows or people."
    elif 0.0 < known.untried <= NOTHING_MISSING:
        yield f"Rewards have no known limit, and a little was never tried: it could earn anything. {REMEDY}"
    elif known.untried == 0.0 and covers(known):
        told = "holds at every look" if anytime else f"is named '{interval_of(value)}'"
        yield f"No interval is shown: for rewards without a known limit there is none that {told}. {REMEDY}"
