"""How late outcomes come: by variant, and by week.

Weeks are compared without the outcomes that came too late to count: those of recent weeks may still be on their way.
"""

from collections.abc import Mapping

from experiments.model.trust_sums import LAG, LAG_BINS, LATE
from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, judged
from offline_eval.ab.checks.outcome_lag import OutcomeLag, lags_compared

NAME, BY_WEEK = "outcome_lag", "outcome_lag_by_week"
LATE_FROM = 3
"""The bin from which on an outcome took longer than a day."""


def lags(sums: Mapping[str, Mapping[str, list[float]]]) -> list[CheckResult]:
    """Both checks."""
    late = {variant: int(row[0]) for variant, row in sums[LATE].items()}
    timely = {group.split(" ", 1)[1]: _counts(row) for group, row in sums[LAG].items() if group.startswith("variant")}
    variants = {
        variant: (*timely.get(variant, (0,) * LAG_BINS), late.get(variant, 0)) for variant in sorted({*timely, *late})
    }
    weeks = {group.split(" ", 1)[1]: _counts(row) for group, row in sums[LAG].items() if group.startswith("week")}
    return [OutcomeLag(variants).result(), _weeks(dict(sorted(weeks.items())))]


def _weeks(table: Mapping[str, tuple[int, ...]]) -> CheckResult:
    seen = {week: row for week, row in table.items() if sum(row)}
    if len(seen) < 2:
        return CheckResult(BY_WEEK, "too_few", None, "fewer than two weeks with outcomes whose lag is known")
    slow = {week: sum(row[LATE_FROM:]) / sum(row) for week, row in seen.items()}
    least, most = min(slow, key=lambda week: slow[week]), max(slow, key=lambda week: slow[week])
    detail = f"outcomes that took more than a day: {slow[least]:.2%} in {least}, {slow[most]:.2%} in {most}"
    return _named(judged(OutcomeLag(table), lags_compared(list(seen.values()), LATE_FROM), LIFETIME_ALPHA, detail))


def _named(result: CheckResult) -> CheckResult:
    return CheckResult(BY_WEEK, result.status, result.p_value, result.detail)


def _counts(row: list[float]) -> tuple[int, ...]:
    return tuple(int(count) for count in row)
