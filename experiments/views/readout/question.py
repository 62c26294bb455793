"""What a readout is asked: whose decisions, of which span, compared how."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from experiments.errors import Fault, InvalidError
from experiments.model.times import HOUR, to_micros
from offline_eval.ab.bucketed_methods import FROM_ROUNDS, METHODS
from offline_eval.ab.multiplicity import ADJUSTMENTS

NAMES = ("segment", "event_type", "from", "to", "method", "adjustment", "worthwhile", "early")
"""Query parameters of a readout."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. The defaults are the whole experiment, compared as its state calls for.

    Attributes:
        segment: of this segment alone. event_type: of decisions with arms of this type alone (and the control's).
        start, end: decided within [start, end), microseconds on whole hours; None: unbounded.
        method: a name in METHODS; None: always_valid while running, fixed once stopped.
        adjustment: of p-values compared together; a name in ADJUSTMENTS.
        worthwhile: least difference of the objective worth having; 0 leaves futility unsaid.
        early: with a view of what may come of the open decisions.
    """

    segment: str | None = None
    event_type: str | None = None
    start: int | None = None
    end: int | None = None
    method: str | None = None
    adjustment: str = "benjamini_hochberg"
    worthwhile: float = 0.0
    early: bool = False

    @property
    def spans(self) -> bool:
        """Whether it is about a part of the experiment's time."""
        return self.start is not None or self.end is not None

    @property
    def narrow(self) -> bool:
        """Whether it is about less than the whole experiment."""
        return self.spans or self.segment is not None or self.event_type is not None


WHOLE = Question()


def asked(given: Mapping[str, str | None]) -> Question:
    """From query parameters by name. Raises InvalidError with every fault at once."""
    faults: list[Fault] = []
    start, end = (_hour(name, given.get(name), faults) for name in ("from", "to"))
    faults += _choices(given)
    nul = (name for name in ("segment", "event_type") if "\x00" in (given.get(name) or ""))
    faults += [Fault("", f"query parameter {name}: holds a NUL, which nothing stored does") for name in nul]
    if start is not None and end is not None and start >= end:
        faults.append(Fault("", "query parameter to: must be after from"))
    worthwhile = _least(given.get("worthwhile"), faults)
    if faults:
        raise InvalidError(faults)
    adjustment = given.get("adjustment") or WHOLE.adjustment
    early = given.get("early") == "true"
    return Question(
        given.get("segment"), given.get("event_type"), start, end, given.get("method"), adjustment, worthwhile, early
    )


def _choices(given: Mapping[str, str | None]) -> Iterator[Fault]:
    method, adjustment = given.get("method"), given.get("adjustment")
    if method in FROM_ROUNDS:
        yield Fault(
            "", f"query parameter method: {method} needs the rounds themselves; run winback readout --method {method}"
        )
    elif method is not None and method not in METHODS:
        yield Fault("", f"query parameter method: must be one of {', '.join(METHODS)}")
    if given.get("early") not in (None, "true", "false"):
        yield Fault("", "query parameter early: must be true or false")
    if adjustment is not None and adjustment not in ADJUSTMENTS:
        yield Fault("", f"query parameter adjustment: must be one of {', '.join(ADJUSTMENTS)}")


def _hour(name: str, given: str | None, faults: list[Fault]) -> int | None:
    if given is None:
        return None
    try:
        # An unescaped + in an address is a space.
        moment = to_micros(datetime.fromisoformat(given.replace(" ", "+")))
    except (ValueError, OverflowError):
        faults.append(Fault("", f"query parameter {name}: must be a time such as 2026-01-31T12:00:00Z"))
        return None
    if moment % HOUR:
        faults.append(Fault("", f"query parameter {name}: parts of a readout are whole hours; leave out the minutes"))
    return moment


def _least(given: str | None, faults: list[Fault]) -> float:
    try:
        number = float(given or 0.0)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < float("inf"):
        faults.append(Fault("", "query parameter worthwhile: must be a number of at least 0"))
    return number
