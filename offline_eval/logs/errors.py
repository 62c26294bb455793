"""What can be wrong with a log of past decisions.

LogError
├── SpecError      the spec makes no sense; `faults` maps a JSON pointer to a sentence, all at once
└── LogDataError   the rows make no sense; `faults` names row, column, problem and remedy
"""

from collections.abc import Sequence
from dataclasses import dataclass


class LogError(Exception):
    """Base of everything the reading of logs raises."""


class SpecError(LogError):
    """A log spec that cannot be used."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("the log spec has faults:\n" + "\n".join(f"  {at}: {fault}" for at, fault in faults.items()))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the rows. `row` counts data rows from 1 (a header is not a row); None: the whole column."""

    row: int | None
    column: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = f"column '{self.column}'" if self.row is None else f"row {self.row}, column '{self.column}'"
        return f"{where}: {self.problem}. {self.remedy}."


class LogDataError(LogError):
    """Rows that no evaluation may be made from."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("the log cannot be used:\n" + "\n".join(f"  {fault}" for fault in faults))
        self.faults = tuple(faults)
