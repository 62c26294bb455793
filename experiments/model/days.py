"""Days of a time zone, counted from 1970, and the hours (counted from 1970 in UTC) that begin in them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from experiments.model.times import HOUR, SECOND, to_datetime

_EPOCH_DAY = datetime(1970, 1, 1).toordinal()


def day_of_hour(hour: int, zone: ZoneInfo) -> int:
    """The day, counted from 1970 in the zone, in which an hour (since 1970, UTC) begins."""
    return to_datetime(hour * HOUR).astimezone(zone).toordinal() - _EPOCH_DAY


def hours_of_day(day: int, zone: ZoneInfo) -> tuple[int, int]:
    """The hours [start, end) that begin in a day; 23 or 25 of them where the clocks change."""
    start = _first_hour_from(day, zone)
    return start, _first_hour_from(day + 1, zone)


def _first_hour_from(day: int, zone: ZoneInfo) -> int:
    midnight = datetime.fromordinal(day + _EPOCH_DAY).replace(tzinfo=zone)
    return -int(-midnight.timestamp() * SECOND // HOUR)
