"""Tables of counts by group and column, mergeable; rows are groups."""

from collections.abc import Mapping

Table = Mapping[str, tuple[int, ...]]
"""Group → counts by column."""


def merged(one: Table, other: Table) -> dict[str, tuple[int, ...]]:
    """Counts of both. Raises ValueError where a group has other columns."""
    table = dict(one)
    for group, counts in other.items():
        table[group] = tuple(a + b for a, b in zip(table.get(group, (0,) * len(counts)), counts, strict=True))
    return table
