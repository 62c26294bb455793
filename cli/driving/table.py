"""Drives as text: a table by seed with the mean lift and its interval."""

from collections.abc import Sequence
from typing import Any

from cli.driving.summary import lift, mean_lift

HEADER = ("policy", "seed", "second half", "all", "uniform", "best fixed", "lift", "matched", "snapshots", "different")


def cells(document: dict[str, Any]) -> tuple[str, ...]:
    """A row under HEADER."""
    objective = document["objective"]
    values = [f"{objective[name]['value']:.4f}" for name in ("policy_second_half", "policy", "uniform", "best_fixed")]
    counts = [document["matched"], document["snapshots"], document["verified"]["different"]]
    return (
        document["policy"],
        str(document["seed"]),
        *values,
        f"{lift(document):+.1%}",
        *(f"{count:,}" for count in counts),
    )


def conclusion(documents: Sequence[dict[str, Any]]) -> str:
    """The sentence under a table."""
    estimate = mean_lift(documents)
    named = f"{documents[0]['log']}, {documents[0]['policy']}: second half over uniform assignment"
    if estimate.lower is None or estimate.upper is None:
        return f"{named} {estimate.value:+.1%}"
    interval = f"95 % interval {estimate.lower:+.1%} to {estimate.upper:+.1%}"
    return f"{named} {estimate.value:+.1%} on average over {estimate.n} seeds, {interval}"


def markdown(documents: Sequence[dict[str, Any]]) -> str:
    """A table as Markdown."""
    rows = [HEADER, ("---",) * len(HEADER), *map(cells, documents)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def plain(row: Sequence[str]) -> str:
    """A row with columns of fixed width, printed as soon as its seed is done."""
    return "  ".join(cell.rjust(width) for cell, width in zip(row, (14, 6, 11, 7, 7, 10, 7, 8, 9, 9), strict=True))
