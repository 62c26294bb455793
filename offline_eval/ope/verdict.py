"""A plain verdict on an off-policy evaluation: trust, caution or unusable, with reasons in sentences."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from offline_eval.estimate import Estimate
from offline_eval.intervals.known import Known
from offline_eval.intervals.rule import (
    ENOUGH,
    LIGHT_SHARE,
    SOME_UNBOUNDED,
    covers,
    has_few_events,
    is_bounded,
    is_light,
)
from offline_eval.intervals.tails import MOST_SKEWED
from offline_eval.ope.findings import Findings

Word = Literal["trust", "caution", "unusable"]

FEWEST = 50.0
"""Effective rows, or people, below which nothing is claimed."""

PEOPLE_DECIDE = 1.05
"""Up to this much more than the people, what the log is worth is counted in people."""

HARDLY_EVER = 0.95
PLACES_NAMED, MOST_LETTERS = 3, 120

NOTHING_MISSING, TOO_MUCH_MISSING = 0.01, 0.2
WRONG_MEAN, WRONG_ARM = 0.2, 0.5
CLEARLY, SURELY = 1e-3, 1e-6
DRIFTING = 0.2

UNTRIED = (
    "Of what was never tried IPS counts 0, SNIPS assumes what the rest earned, DR and DM what their model predicts; "
)
ALLOWED = "the intervals allow for anything in the rewards' range."
ENDLESS = "it could earn anything, since rewards have no known limit, so that no interval is shown."
MISCHOSEN = (
    "more or less often than their logged probabilities say, or could not always be drawn and the log does not say "
    "where (`eligible` in [log])."
)
GUESSED = "How likely each choice was had to be guessed from the log, so hidden reasons for them count as effects."


@dataclass(frozen=True, slots=True)
class Verdict:
    """The worst word that any finding calls for, its sentence, and all sentences."""

    word: Word
    reason: str
    reasons: tuple[str, ...] = ()


def judge(
    findings: Findings,
    known: Known,
    headline: Estimate | None = None,
    estimated_propensities: bool = False,
    more: tuple[str, ...] = (),
) -> Verdict:
    """The verdict on one policy; `headline` is the estimate shown first, fitted propensities cap it at `caution`, and
    so do `more` doubts, in sentences."""
    fatal = list(_fatal(findings, known))
    doubts = [*more, *_doubts(findings, known, headline)]
    if estimated_propensities:
        doubts.append(GUESSED)
    if fatal:
        return Verdict("unusable", fatal[0], (*fatal, *doubts))
    if doubts:
        return Verdict("caution", doubts[0], tuple(doubts))
    sentence = f"The log tried what this policy would do often enough: {worth(findings)}."
    return Verdict("trust", sentence, (sentence,))


def worth(findings: Findings) -> str:
    """What the log is worth for the policy, in rows or in people."""
    counted = findings.people is not None and findings.people <= findings.informative_n * PEOPLE_DECIDE
    return f"{findings.informative_n:,.0f} {'people' if counted else 'rows'}'s worth".replace("rows's", "rows'")


def _fatal(findings: Findings, known: Known) -> Iterator[str]:
    if known.weights.positive == 0:
        yield "The log never did what this policy would do, so it says nothing about it."
        return
    if findings.unsupported_share > TOO_MUCH_MISSING:
        yield f"{findings.unsupported_share:.0%} of what this policy would do was never tried{_where(findings)}."
    if findings.informative_n < FEWEST:
        yield _too_little(findings)
    if findings.fallback_share > HARDLY_EVER:
        yield (
            f"In {findings.fallback_share:.0%} of the rows the arm that this policy wants could not be given: what is "
            "judged is what stands in for it."
        )
    if not covers(known):
        yield _without_limit(findings, known)
    if findings.mean_weight_p < SURELY and abs(findings.mean_weight - 1.0) > WRONG_MEAN:
        yield (
            f"The logged probabilities do not add up (mean weight {findings.mean_weight:.2f} instead of 1): they are "
            "wrong, or choices this policy wants could never occur."
        )
    if findings.calibration_p < SURELY and _worst_arm(findings) > WRONG_ARM:
        yield f"Arms were chosen far {MISCHOSEN}"


def _too_little(findings: Findings) -> str:
    if findings.effective_n >= FEWEST:
        return (
            f"In {findings.forced_share:.0%} of the rows only one arm could be drawn: they say nothing about another "
            f"policy. The rest is {worth(findings)}; {FEWEST:.0f} are needed."
        )
    return f"Only {worth(findings)} of the log resembles this policy; {FEWEST:.0f} are needed."


REMEDY = "State `range` in [objective] if there is a limit, or cap the revenue."


def _without_limit(findings: Findings, known: Known) -> str:
    events = known.effective_events[0]
    if events < SOME_UNBOUNDED:
        return (
            f"Rewards have no known limit, and those in the log are worth only {events:,.0f} equal ones: a single "
            f"large one could change everything, so no interval holds. {REMEDY}"
        )
    if is_light(known):
        return (
            f"Rewards have no known limit, and few large ones make up so much of the result (skewness of the mean "
            f"{known.skewness:.2f}; up to {MOST_SKEWED:g} intervals hold) that no interval holds. {REMEDY}"
        )
    return (
        f"Rewards have no known limit, and with {worth(findings)} of the log (the largest row carries "
        f"{findings.largest_share:.1%}) a single large one could change everything: no interval holds. {REMEDY}"
    )


def _doubts(findings: Findings, known: Known, headline: Estimate | None) -> Iterator[str]:
    if NOTHING_MISSING < findings.unsupported_share <= TOO_MUCH_MISSING:
        yield f"{findings.unsupported_share:.1%} of what this policy would do was never tried{_where(findings)}."
    if findings.unsupported_share > NOTHING_MISSING:
        yield UNTRIED + (ALLOWED if is_bounded(known) else ENDLESS)
    if FEWEST <= findings.informative_n < ENOUGH:
        yield f"The log is only {worth(findings)} for this policy."
    if not is_bounded(known) and (headline is None or headline.is_bounded):
        yield f"Rewards have no known limit: the interval holds only if none is far above those in the log. {REMEDY}"
    if is_bounded(known) and has_few_events(known):
        yield f"Only {min(known.events):,.0f} rows of what this policy would do had the rarer result."
    if findings.largest_share > LIGHT_SHARE and covers(known):
        yield f"One row alone carries {findings.largest_share:.0%} of the result."
    if findings.fallback_share > TOO_MUCH_MISSING:
        yield f"In {findings.fallback_share:.0%} of the rows something else stands in for the arm that it wants."
    if findings.mean_weight_p < CLEARLY:
        yield f"The logged probabilities look slightly off (mean weight {findings.mean_weight:.3f} instead of 1)."
    if findings.calibration_p < CLEARLY:
        yield f"Some arms were chosen {MISCHOSEN}"
    if findings.unsupported_segments and findings.unsupported_share <= NOTHING_MISSING:
        count = len(findings.unsupported_segments)
        yield f"In {count} segment(s){_where(findings)} the log never tried what this policy would do."
    if findings.reward_drift_p < CLEARLY and findings.reward_drift > DRIFTING:
        yield f"Results changed by {findings.reward_drift:.0%} of their mean over the time of the log."
    if headline is not None and _too_wide(headline):
        yield "The interval is wider than the value itself: the log holds too few results to tell policies apart."


def _where(findings: Findings) -> str:
    """The names of the segments or strata without support in brackets; nothing where they have none."""
    if not findings.places:
        return ""
    named = ", ".join(findings.places[:PLACES_NAMED])
    more = len(findings.places) - PLACES_NAMED
    return f" ({named[:MOST_LETTERS]}{f' and {more} more' if more > 0 else ''})"


def _worst_arm(findings: Findings) -> float:
    return max((abs(ratio - 1.0) for ratio in findings.arm_calibration if ratio is not None), default=0.0)


def _too_wide(headline: Estimate) -> bool:
    """Nothing is said of an interval that is not shown."""
    if headline.value is None or headline.lower is None or headline.upper is None:
        return False
    return headline.upper - headline.lower > abs(headline.value)
