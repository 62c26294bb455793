"""Bodies and answers of the routes that assign; the Structs are those of deciding, so that nothing is copied."""

from typing import Any

from msgspec import Struct

from experiments.services.deciding.messages import Assignment, ClockAdvance, ClockReading, Decision

__all__ = ["Assignment", "AssignmentBatch", "ClockAdvance", "ClockReading", "Decision", "DecisionBatch", "Problem"]


class Problem(Struct):
    """Why one row of a batch was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] = []


class AssignmentBatch(Struct, forbid_unknown_fields=True):
    """Up to 1,000 requests; the bare list is taken too."""

    assignments: list[Assignment]


class DecisionBatch(Struct):
    """One result for each request, in order: a decision, or a problem where that row alone was refused."""

    results: list[dict[str, Any]]
