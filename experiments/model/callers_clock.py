"""How far the caller's clock may be moved at once: it never goes back, so a slip would be for good."""

from experiments.errors import Fault, InvalidError
from experiments.model.times import DAY, to_rfc3339

MOST_DAYS = 366
"""By which an instant may lie after where the clock stands; the first one, after the server's clock."""


def check_jump(stands: int | None, at: int, server: int) -> None:
    """Raise InvalidError where `at` lies so far ahead that a wrong year is likelier than a pause."""
    if at - (server if stands is None else stands) <= MOST_DAYS * DAY:
        return
    since = "the server's clock" if stands is None else f"where the experiment's clock stands ({to_rfc3339(stands)})"
    detail = (
        f"{to_rfc3339(at)} is more than {MOST_DAYS} days after {since}, which never goes back; if it is meant, move "
        'the clock first: POST /v1/experiments/{key}/clock with "confirm": true'
    )
    raise InvalidError([Fault("/at", detail)])
