"""Trends: what was decided when, and what came of it, from the daily and the hourly tier."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from experiments.errors import Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.days import day_of_hour, hours_of_day, start_of_day
from experiments.model.designing.definition import Definition
from experiments.model.times import HOUR, to_datetime, to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.rollups.days import daily_through, first_hour, read_days, read_segment_hours
from experiments.store.rollups.hour_totals import read_hour_totals
from experiments.store.rollups.tiers import metric_places
from experiments.views.readout.described import described
from experiments.views.trend_sums import TrendSums

Document = dict[str, Any]
Span = tuple[int | None, int | None]
MOST_SLOTS = 2_000
_FOREVER = 2**31 - 1


def trend(
    engine: Engine,
    principal: Principal,
    key: str,
    by: str = "day",
    segment: str | None = None,
    span: Span = (None, None),
) -> Document:
    """`{by, time_zone, at, metrics, variants, arms}`: sums by slot of the time of the decision.

    `at` has the start of each slot; `variants` and `arms` hold, for each key, lists as long as `at`: `decisions` and a
    total for every metric. Variants count voided decisions (intention to treat), arms only delivered ones. Hours are
    those of UTC, days those of the experiment's time zone. `span`: [start, end) in microseconds.

    Raises ForbiddenError, NotFoundError, InvalidError.
    """
    require(principal, "read")
    if by not in ("day", "hour"):
        raise InvalidError([Fault("", "query parameter by: must be day or hour")])
    with reading(engine) as session:
        row = find(session, key)
        definition = Definition.model_validate(row.definition)
        zone = ZoneInfo(definition.time_zone)
        asked = _Asked(session.connection(), int(row.id or 0), segment)
        sums = asked.by_hour(span) if by == "hour" else asked.by_day(span, zone)
    slots = sums.slots()[-MOST_SLOTS:]
    variants = sums.columns(slots, "variant")
    held = dict.fromkeys(name for columns in variants.values() for name in columns)
    return {
        "experiment": key,
        "by": by,
        "time_zone": zone.key,
        "at": [_instant(slot, by, zone) for slot in slots],
        "metrics": described(definition, held),
        "variants": variants,
        "arms": sums.columns(slots, "arm", delivered=True),
    }


class _Asked:
    """Sums of an experiment, of everyone or of one segment."""

    def __init__(self, connection: Connection, number: int, segment: str | None) -> None:
        self._connection, self._number, self._segment = connection, number, segment

    def by_hour(self, span: Span) -> TrendSums:
        """Of each hour."""
        start, end = span
        found, last = TrendSums(), _FOREVER if end is None else -(-end // HOUR)
        self._add_hours(found, (0 if start is None else start // HOUR, last), lambda hour: hour)
        return found

    def by_day(self, span: Span, zone: ZoneInfo) -> TrendSums:
        """Finished days from the daily tier, the others from their hours."""
        found, first = TrendSums(), first_hour(self._connection, self._number)
        if first is None:
            return found
        start = day_of_hour(span[0] // HOUR, zone) if span[0] is not None else day_of_hour(first, zone)
        end = day_of_hour(-(-span[1] // HOUR) - 1, zone) + 1 if span[1] is not None else _FOREVER
        through = daily_through(self._connection, self._number)
        open_from = start if through is None else max(start, through)
        found.add_rows(read_days(self._connection, self._number, self._segment, (start, min(end, open_from))))
        last = _FOREVER if end == _FOREVER else hours_of_day(end - 1, zone)[1]
        self._add_hours(found, (hours_of_day(open_from, zone)[0], last), lambda hour: day_of_hour(hour, zone))
        return found

    def _add_hours(self, found: TrendSums, hours: tuple[int, int], slot_of: Callable[[int], int]) -> None:
        if self._segment is not None:
            found.add_rows(read_segment_hours(self._connection, self._number, self._segment, hours), slot_of)
            return
        places = metric_places(self._connection, self._number)
        found.add_hours(read_hour_totals(self._connection, self._number, places, hours), places, slot_of)


def _instant(slot: int, by: str, zone: ZoneInfo) -> str:
    if by == "hour":
        return to_rfc3339(slot * HOUR)
    return to_datetime(start_of_day(slot, zone)).astimezone(zone).isoformat()
