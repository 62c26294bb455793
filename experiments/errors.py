"""What can go wrong when remembering; the doors map each class to a status.

WinbackError
├── NotFoundError           no such thing                                         404
├── ConflictError           the thing's state forbids it                          409
├── PreconditionFailedError the thing changed since the caller read it            412
├── InvalidError            the request makes no sense; carries every fault       422
├── UnauthenticatedError    no or unknown credential                              401
├── ForbiddenError          a known caller without the scope it takes             403
├── TooLargeError           more than the limits allow                            413
├── TooManyError            too many attempts; try again later                    429
├── LeaseLostError          another worker acts now; the transaction is undone    (worker only)
├── LimitLeaseLostError         a lent block was taken back; the batch decides again  (hot path only)
└── UnavailableError        the database or broker is away; try again             503
    └── BrokerAwayError     the broker does not answer                            503
ConflictError also has StoppedError (a batch ended meanwhile) and SupersededError (a refresh was taken over).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request: a JSON pointer (RFC 6901) and a sentence that names the remedy."""

    pointer: str
    detail: str


class WinbackError(Exception):
    """Base of everything this room raises."""


class NotFoundError(WinbackError):
    """No such thing."""


class ConflictError(WinbackError):
    """The state of the thing forbids it."""


class StoppedError(ConflictError):
    """The batch was cancelled, or another process took it over."""


class SupersededError(ConflictError):
    """Another process took the refresh over, or the segment was changed meanwhile."""


class PreconditionFailedError(WinbackError):
    """The thing is no longer at the version that the caller named."""


class InvalidError(WinbackError):
    """The request makes no sense."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults))
        self.faults = faults


class UnauthenticatedError(WinbackError):
    """No credential, or one that nobody holds."""


class ForbiddenError(WinbackError):
    """A known caller without the scope that the call takes; `subject` names the caller."""

    def __init__(self, detail: str, subject: str = "") -> None:
        super().__init__(detail)
        self.subject = subject


class TooLargeError(WinbackError):
    """More than the limits allow."""


class TooManyError(WinbackError):
    """Too many attempts; `retry_after` is in seconds, `subject` whose they are."""

    def __init__(self, detail: str, retry_after: int, subject: str = "") -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.subject = subject


class LeaseLostError(WinbackError):
    """Another worker holds the lease; whatever was under way is rolled back."""


class UnavailableError(WinbackError):
    """The database is away; `retry_after` is in seconds."""

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class BrokerAwayError(UnavailableError):
    """The broker does not answer, or went away before it confirmed."""


class LimitLeaseLostError(WinbackError):
    """A block was taken back (its lease had expired, or the limit was lowered): nothing of the batch is stored."""
