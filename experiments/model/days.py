"""Days of a time zone, counted from 1970, and the hours (counted from 1970 in UTC) that belong to them.

The rule: a day lasts from the instant at which the clock on the wall passes into its date for good until the next day's
begins. Where clocks are set back across midnight (America/St_Johns did so at 00:01), the minutes of the new date before
that still belong to the old day: days follow each other, none begins twice, and an instant is in one day only. A whole
hour belongs to the day in which it begins. Zones that skip a date (Pacific/Apia, 30 December 2011) have an empty day.
"""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from experiments.model.times import HOUR, SECOND, to_datetime, to_micros

_EPOCH_DAY = datetime(1970, 1, 1).toordinal()


def day_of(at: int, zone: ZoneInfo) -> int:
    """The day, counted from 1970 in the zone, to which an instant belongs."""
    shown = _date(at, zone)
    return shown if start_of_day(shown, zone) <= at else shown - 1


def day_of_hour(hour: int, zone: ZoneInfo) -> int:
    """The day in which an hour (since 1970, UTC) begins."""
    return day_of(hour * HOUR, zone)


def hours_of_day(day: int, zone: ZoneInfo) -> tuple[int, int]:
    """The hours [start, end) that begin in a day; fewer or more than 24 where the clocks change."""
    start, end = (-(-start_of_day(each, zone) // HOUR) for each in (day, day + 1))
    return start, end


@lru_cache(4096)
def start_of_day(day: int, zone: ZoneInfo) -> int:
    """The instant at which a day begins: midnight, or where the clock skips midnight, the first instant after it."""
    midnight = datetime.fromordinal(day + _EPOCH_DAY)
    first, last = sorted(to_micros(midnight.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if _date(last - 1, zone) < day:
        return last
    while first < last:  # clocks change in whole seconds, and the date changes once between the two
        middle = (first + last) // (2 * SECOND) * SECOND
        if _date(middle, zone) < day:
            first = middle + SECOND
        else:
            last = middle
    return last


def _date(at: int, zone: ZoneInfo) -> int:
    """What the calendar on the wall shows."""
    return to_datetime(at).astimezone(zone).toordinal() - _EPOCH_DAY
