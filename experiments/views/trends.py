"""Trends: what was decided when, and what came of it, from the daily and the hourly tier."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from experiments.errors import Fault, InvalidError
from experiments.model.days import day_of_hour, hours_of_day
from experiments.model.definition import Definition
from experiments.model.principal import Principal, require
from experiments.model.rollups import DECISIONS
from experiments.model.times import DAY, HOUR, to_datetime, to_rfc3339
from experiments.store.days import Sum, daily_through, first_hour, read_days, read_trend_hours
from experiments.store.engine import reading
from experiments.store.experiments import find

Face = dict[str, Any]
MOST_SLOTS = 2_000
_FOREVER = 2**31 - 1


def trend(
    engine: Engine,
    principal: Principal,
    key: str,
    by: str = "day",
    segment: str | None = None,
    span: tuple[int | None, int | None] = (None, None),
) -> Face:
    """`{by, time_zone, at, variants, arms}`: sums by slot of the time of the decision.

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
        zone = ZoneInfo(Definition.model_validate(row.definition).time_zone)
        read = _by_day if by == "day" else _by_hour
        sums = read(session.connection(), int(row.id or 0), segment, span, zone)
    slots = sorted({one.slot for one in sums})[-MOST_SLOTS:]
    delivered = [one for one in sums if not one.voided]
    return {
        "experiment": key,
        "by": by,
        "time_zone": zone.key,
        "at": [_instant(slot, by, zone) for slot in slots],
        "variants": _columns(sums, slots, "variant"),
        "arms": _columns(delivered, slots, "arm"),
    }


def _by_hour(
    connection: Connection, number: int, segment: str | None, span: tuple[int | None, int | None], _zone: ZoneInfo
) -> list[Sum]:
    return list(read_trend_hours(connection, number, segment, _bounds(span, HOUR)))


def _by_day(
    connection: Connection, number: int, segment: str | None, span: tuple[int | None, int | None], zone: ZoneInfo
) -> list[Sum]:
    """Finished days from the daily tier, the others from their hours."""
    first = first_hour(connection, number)
    if first is None:
        return []
    start = day_of_hour(span[0] // HOUR, zone) if span[0] is not None else day_of_hour(first, zone)
    end = day_of_hour(-(-span[1] // HOUR) - 1, zone) + 1 if span[1] is not None else _FOREVER
    through = daily_through(connection, number)
    open_from = start if through is None else max(start, through)
    finished = read_days(connection, number, segment, (start, min(end, open_from)))
    last = _FOREVER if end == _FOREVER else hours_of_day(end - 1, zone)[1]
    hours = read_trend_hours(connection, number, segment, (hours_of_day(open_from, zone)[0], last))
    return [*finished, *(one._replace(slot=day_of_hour(one.slot, zone)) for one in hours)]


def _bounds(span: tuple[int | None, int | None], width: int) -> tuple[int, int]:
    start, end = span
    return (0 if start is None else start // width, _FOREVER if end is None else -(-end // width))


def _columns(sums: Iterable[Sum], slots: list[int], name: str) -> Mapping[str, Mapping[str, list[float]]]:
    place = {slot: at for at, slot in enumerate(slots)}
    columns: defaultdict[str, dict[str, list[float]]] = defaultdict(dict)
    for one in sums:
        if one.slot not in place or (one.metric.startswith("#") and one.metric != DECISIONS):
            continue
        metrics = columns[getattr(one, name)]
        metric = "decisions" if one.metric == DECISIONS else one.metric
        metrics.setdefault(metric, [0.0] * len(slots))[place[one.slot]] += one.total
    return dict(sorted(columns.items()))


def _instant(slot: int, by: str, zone: ZoneInfo) -> str:
    if by == "hour":
        return to_rfc3339(slot * HOUR)
    return to_datetime(slot * DAY).replace(tzinfo=zone).isoformat()
