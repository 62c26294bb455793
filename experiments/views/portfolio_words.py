"""The portfolio in words that need no statistics."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from experiments.model.portfolio import DAY, REENGAGEMENT
from experiments.model.times import to_datetime
from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.portfolio import Gain
from offline_eval.estimate import Estimate


class Told(NamedTuple):
    """What the words are about: days from and before, units by side, and what was gained."""

    days: tuple[int, int]
    units: Mapping[str, int]
    campaigns: int
    gains: Mapping[str, Gain]
    money: Mapping[str, Any] | None
    share: float
    checks: Sequence[CheckResult]


def summary(told: Told) -> str:
    """A few sentences; what cannot be trusted or told is said first."""
    if not told.share and not told.units["held_out"]:
        return "There is no global holdout, so nobody can say what the campaigns earn together: keep some people out."
    if told.days[0] >= told.days[1] or not told.units["reached"]:
        return "No day is complete yet: people on both sides must have asked, and the time to react must be over."
    failed = [check for check in told.checks if check.status == "failed"]
    if failed:
        return f"Don't trust this: {failed[0].detail}. People are missing on one side; find out why first."
    return " ".join(part for part in (_who(told), _back(told.gains[REENGAGEMENT]), _worth(told), _once(told)) if part)


def _who(told: Told) -> str:
    first, last = (_day(day) for day in (told.days[0], told.days[1] - 1))
    campaigns = "1 campaign" if told.campaigns == 1 else f"{told.campaigns} campaigns"
    reached, held = told.units["reached"], told.units["held_out"]
    return f"From {first} to {last}, {campaigns} could reach {reached:,} people; {held:,} were left alone on purpose."


def _back(gain: Gain) -> str:
    total = gain.total
    if total.lower is None or total.upper is None or total.value is None:
        return "Too few came back on one side to say whether the campaigns brought anybody back."
    between = f"(between {_whole(total.lower)} and {_whole(total.upper)})"
    if total.lower > 0:
        return f"About {total.value:,.0f} people came back because of the campaigns {between}."
    if total.upper < 0:
        return f"About {-total.value:,.0f} people stayed away because of the campaigns {between}."
    return f"Whether the campaigns brought people back is not settled {between}."


def _worth(told: Told) -> str:
    if told.money is None:
        return "The campaigns have several currencies, so their money is not added."
    net: Estimate = told.gains["net_value"].total
    if net.value is None or net.lower is None or net.upper is None:
        return ""
    value, lower, upper = (_amount(bound, told.money["currency"]) for bound in (net.value, net.lower, net.upper))
    if net.lower <= 0 <= net.upper:
        return f"Whether they earned money after all costs is not settled: about {value} (between {lower} and {upper})."
    verdict = "earned" if net.lower > 0 else "lost"
    amount = _amount(abs(net.value), told.money["currency"])
    return f"After all costs they {verdict} {amount} (between {lower} and {upper})."


def _whole(value: float) -> str:
    return f"{round(value):,}".replace("-", "−")


def _amount(value: float, currency: str | None) -> str:
    return f"{currency} {_whole(value)}" if currency else _whole(value)


def _once(told: Told) -> str:
    return "Who was in several campaigns is counted once." if told.campaigns > 1 else ""


def _day(day: int) -> str:
    return f"{to_datetime(0) + timedelta(microseconds=day * DAY):%d %b %Y}"
