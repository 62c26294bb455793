"""Whom a batch decides for, as it is kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """Whom to decide for: everybody with a profile, or a segment (`values`: only these of it), or the rows of a file.

    `path` is absolute; `fingerprint` is of the file as it was when it was asked for. `assignments`: the file holds so
    many rows that were given themselves. `at` is for experiments on the caller's clock, in microseconds. `shuffled`: in
    a random order, because a total may end inside it; `warnings` say so.
    """

    segment: str | None = None
    values: tuple[str, ...] = ()
    path: str | None = None
    fingerprint: tuple[int, int] | None = None
    assignments: int | None = None
    at: int | None = None
    shuffled: bool = False
    warnings: tuple[str, ...] = ()
