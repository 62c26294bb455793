"""Tables of counts by group and column, mergeable; rows are groups."""

from collections.abc import Mapping, Sequence

Table = Mapping[str, tuple[int, ...]]
"""Group → counts by column."""


def opposite(rows: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Groups of the same sizes that could not differ more: the largest in the last column, the others in the first."""
    sizes = [sum(row) for row in rows]
    largest, rest = sizes.index(max(sizes)), (0,) * (len(rows[0]) - 1)
    return [(*rest, size) if at == largest else (size, *rest) for at, size in enumerate(sizes)]


def merged(one: Table, other: Table) -> dict[str, tuple[int, ...]]:
    """Counts of both. Raises ValueError where a group has other columns."""
    table = dict(one)
    for group, counts in other.items():
        table[group] = tuple(a + b for a, b in zip(table.get(group, (0,) * len(counts)), counts, strict=True))
    return table
