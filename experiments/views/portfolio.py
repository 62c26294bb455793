"""All campaigns together against the global holdout: every unit once, however many campaigns it was in."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from experiments.errors import Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.deciding.hashing import UNIT_BUCKETS
from experiments.model.portfolio import COSTS, DAY, MILLIONTHS, REENGAGEMENT, UNITS
from experiments.model.tables.core import Experiment, ServiceSetting
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.portfolio import Key, Sums, cursors, read_sums
from experiments.views.portfolio_words import Told, summary
from offline_eval.ab.bucketed import Bucketed
from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.checks.sample_ratio import Enrolment, SampleRatio
from offline_eval.ab.portfolio import Gain, Portfolio

ALWAYS = (REENGAGEMENT, "revenue", *COSTS)
REACHED, HELD_OUT = 0, 1
Document = dict[str, Any]


class Span(NamedTuple):
    """Whole days (UTC), from the first to before the last."""

    since: int
    before: int

    @property
    def instants(self) -> tuple[int, int]:
        """As microseconds."""
        return self.since * DAY, self.before * DAY


def portfolio(
    engine: Engine, principal: Principal, start: int | None = None, end: int | None = None, margin: float | None = None
) -> Document:
    """What the campaigns earned together between two instants, in whole days that are complete.

    `margin` is of revenue; where it is left out, the least of any campaign's. Raises ForbiddenError, InvalidError.
    """
    require(principal, "read")
    if start is not None and end is not None and start >= end:
        raise InvalidError([Fault("", "query parameter to: must be later than from")])
    with reading(engine) as session:
        connection = session.connection()
        at = cursors(connection)
        setting = session.get(ServiceSetting, "global_holdout")
        span = _span(at.get("through", 0), start, end)
        sums = read_sums(connection, span.before, span.since, UNITS)
        campaigns = _campaigns(session, span)
    share = 0.0 if setting is None else float(setting.value["share"])
    chosen = min((each.margin for each in campaigns), default=1.0) if margin is None else margin
    return _document(span, sums, campaigns, (share, chosen, at))


class Campaign(NamedTuple):
    """An experiment that ran in the span."""

    key: str
    name: str
    currency: str
    margin: float


def _span(through: int, start: int | None, end: int | None) -> Span:
    complete = through // DAY
    before = complete if end is None else min(-(-end // DAY), complete)
    since = 0 if start is None else start // DAY
    return Span(min(since, before), before)


def _campaigns(session: Session, span: Span) -> list[Campaign]:
    since, before = span.instants
    query = select(Experiment).where(Experiment.status != "draft", col(Experiment.started_at) < before)
    found = []
    for row in session.exec(query.order_by(col(Experiment.id))):
        over = row.stopped_at is not None and row.stopped_at < since
        if not over and row.definition.get("clock") != "caller":
            margin = float(row.definition["objective"]["margin"])
            found.append(Campaign(row.key, row.definition["name"], row.definition["currency"], margin))
    return found


def _document(
    span: Span, sums: Mapping[Key, Sums], campaigns: list[Campaign], known: tuple[float, float, Mapping[str, int]]
) -> Document:
    share, margin, at = known
    shares = sorted({key[1] for key in sums if key[1] > 0})
    sides = [_side(sums, shares, side) for side in (REACHED, HELD_OUT)]
    made = Portfolio(sides[REACHED], sides[HELD_OUT], margin)
    gains = made.gains()
    checks = [_ratio(sides, shares), _named(at.get("nameless", 0), made.units)]
    currencies = sorted({campaign.currency for campaign in campaigns})
    money = _money(made, gains, margin, currencies)
    units = {"reached": made.units, "held_out": sides[HELD_OUT][REENGAGEMENT].units}
    since = _first_day(sums, span)
    told = Told((since, span.before), units, len(campaigns), gains, money, share, checks)
    return {
        "from": to_rfc3339(since * DAY) if span.before else None,
        "to": to_rfc3339(span.before * DAY) if span.before else None,
        "as_of": to_rfc3339(at["through"]) if "through" in at else None,
        "holdout_share": share,
        "summary": summary(told),
        "checks": [check.as_dict() for check in checks],
        "units": units,
        "metrics": {name: gain.as_dict() for name, gain in gains.items()},
        "money": money,
        "campaigns": [{"key": campaign.key, "name": campaign.name} for campaign in campaigns],
    }


def _first_day(sums: Mapping[Key, Sums], span: Span) -> int:
    """Where no start was asked for, the day of the first unit."""
    return span.since or min((key[0] for key in sums if key[1] > 0), default=span.before)


def _side(sums: Mapping[Key, Sums], shares: list[int], side: int) -> dict[str, Bucketed]:
    """Metric → sums of one side by stratum; units are the sizes."""
    names = sorted({key[3] for key in sums} - {UNITS} | set(ALWAYS))
    units = _by_share(sums, shares, side, UNITS)
    weights = _by_share(sums, shares, REACHED, UNITS).sum(axis=1)
    count = round(float(units.sum()))
    found = {}
    for name in names:
        totals = _by_share(sums, shares, side, name)
        binary = name == REENGAGEMENT
        found[name] = Bucketed(totals, units, weights, count, count, binary, float(totals.sum()) if binary else None)
    return found


def _by_share(sums: Mapping[Key, Sums], shares: list[int], side: int, metric: str) -> Sums:
    """Shape (strata, buckets)."""
    found = np.zeros((len(shares), UNIT_BUCKETS))
    for (_, share, held_out, name), each in sums.items():
        if held_out == side and name == metric and share in shares:
            found[shares.index(share)] += each
    return found


def _ratio(sides: list[dict[str, Bucketed]], shares: list[int]) -> CheckResult:
    """Whether as many units are on each side as the holdout's share says."""
    counts = [side[REENGAGEMENT].sizes.sum(axis=1) for side in sides]
    enrolments = {
        place: Enrolment(
            {"reached": round(counts[REACHED][place]), "held out": round(counts[HELD_OUT][place])},
            {"reached": 1 - share / MILLIONTHS, "held out": share / MILLIONTHS},
        )
        for place, share in enumerate(shares)
    }
    found = SampleRatio(enrolments).result()
    return CheckResult(found.name, found.status, found.p_value, found.detail.replace("revision", "holdout"))


def _named(nameless: int, units: int) -> CheckResult:
    """Held-out units have no decision that an outcome could name."""
    if not nameless and not units:
        return CheckResult("outcomes_by_unit", "too_few", None, "nobody enrolled yet")
    if not nameless:
        return CheckResult("outcomes_by_unit", "ok", None, "every outcome names its unit")
    detail = f"{nameless:,} outcomes name a decision only and are left out: held-out units cannot have such"
    return CheckResult("outcomes_by_unit", "warning", None, detail)


def _money(made: Portfolio, gains: Mapping[str, Gain], margin: float, currencies: Iterable[str]) -> Document | None:
    """None where campaigns have several currencies, which cannot be added."""
    listed = list(currencies)
    if len(listed) > 1:
        return None
    return {
        "currency": listed[0] if listed else None,
        "margin": margin,
        **{name: gains[name].as_dict()["total"] for name in ("revenue", "cost", "net_value")},
        "incremental_roi": made.incremental_roi(),
        "cost_per_incremental": made.cost_per_incremental(),
    }
