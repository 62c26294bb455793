"""What can go wrong when calling.

ClientError
├── AwayError       no answer after every attempt: the network, a timeout, 429 or 5xx
└── RefusedError    the service refused the call (4xx); carries its problem document
"""

from collections.abc import Mapping
from typing import Any

MOST_SHOWN = 5
"""Faults that the message of an error names; all of them are in its `errors`."""


class ClientError(Exception):
    """Base of everything this package raises."""


class AwayError(ClientError):
    """The service gave no answer, however often it was asked.

    `retry_after`: seconds for which it asked to be left alone, 0 where it did not.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RefusedError(ClientError):
    """The call makes no sense to the service: `status`, `detail` and `errors` as in its problem document.

    `row` is the place of the refused one in the list that was given, None where the call was refused as a whole.
    The message says all of this; of the faults it names the first, each with the pointer to its place.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], row: int | None = None) -> None:
        self.status = status
        self.row = row
        self.detail = str(problem.get("detail", "refused"))
        self.errors: list[dict[str, str]] = list(problem.get("errors", ()))
        where = "" if row is None else f"row {row}: "
        super().__init__("; ".join([f"{where}{status}: {self.detail}", *self._shown()]))

    def _shown(self) -> list[str]:
        shown = [f"{fault.get('pointer', '') or '/'}: {fault.get('detail', '')}" for fault in self.errors[:MOST_SHOWN]]
        left = len(self.errors) - len(shown)
        return [*shown, f"and {left} more in `errors`"] if left else shown
