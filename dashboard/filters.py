"""What a viewer looks at, kept in the address so that a view can be shared."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

PERIODS: dict[str, tuple[str, timedelta | None]] = {
    "all": ("Whole time", None),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
    "90d": ("Last 90 days", timedelta(days=90)),
}
"""Name in the address → (label, length)."""

CUSTOM = "custom"
_KNOWN = ("campaign", "event_type", "segment", "period", "from", "to", "compare")
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """Filters of every page. Empty: everything.

    Attributes:
        campaign: an experiment's key. event_type, segment: as readouts name them.
        period: a name of PERIODS, or `custom` with `since` and `until` (days, YYYY-MM-DD).
        compare: beside the period of the same length before.
        own: what a single page keeps in the address, such as a unit's id.
    """

    campaign: str | None = None
    event_type: str | None = None
    segment: str | None = None
    period: str = "all"
    since: str | None = None
    until: str | None = None
    compare: bool = False
    own: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, search: str | None) -> "Filters":
        """From the address after its `?`; what makes no sense is left out."""
        given = {name: value for name, value in parse_qsl((search or "").lstrip("?")) if len(value) <= _LONGEST}
        since, until = _day(given.get("from")), _day(given.get("to"))
        period = given.get("period", "all")
        if period not in PERIODS:
            period = CUSTOM if since and until and since <= until else "all"
        return cls(
            given.get("campaign"),
            given.get("event_type"),
            given.get("segment"),
            period,
            since if period == CUSTOM else None,
            until if period == CUSTOM else None,
            given.get("compare") == "1",
            {name: value for name, value in given.items() if name not in _KNOWN},
        )

    def search(self) -> str:
        """The address after the path; empty where nothing is chosen."""
        given = {
            "campaign": self.campaign,
            "event_type": self.event_type,
            "segment": self.segment,
            "period": None if self.period == "all" else self.period,
            "from": self.since,
            "to": self.until,
            "compare": "1" if self.compare else None,
            **self.own,
        }
        chosen = {name: value for name, value in given.items() if value}
        return f"?{urlencode(chosen)}" if chosen else ""

    def with_own(self, **own: str | None) -> "Filters":
        """The same with some of the page's own values changed; None takes one away."""
        kept = {name: value for name, value in {**self.own, **own}.items() if value is not None}
        return replace(self, own=kept)

    def span(self, at: datetime) -> tuple[datetime, datetime] | None:
        """[from, to) in UTC; None for the whole time."""
        if self.period == CUSTOM and self.since and self.until:
            return _start(self.since), _start(self.until) + timedelta(days=1)
        length = PERIODS.get(self.period, ("", None))[1]
        return None if length is None else (at - length, at)

    def before(self, at: datetime) -> tuple[datetime, datetime] | None:
        """The period of the same length before; None where there is none, or it is not asked for."""
        span = self.span(at) if self.compare else None
        return None if span is None else (span[0] - (span[1] - span[0]), span[0])


def _day(value: str | None) -> str | None:
    try:
        return None if value is None else datetime.strptime(value, "%Y-%m-%d").date().isoformat()
    except ValueError:
        return None


def _start(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
