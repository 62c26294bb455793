"""What a run found, for people and as JSON."""

from collections.abc import Iterator
from typing import Any

from benchmarks.claims.counting import Count, Counts, detectable, excluded, limit_of
from benchmarks.claims.families import FAMILIES
from benchmarks.claims.screening import Effort, Findings, Lived, named, replayed

HEAD = "\n| {} | {} | P(shown) | P(wrong and shown) | P(wrong given shown) | bounds | may be | stands |{}"
RULE = "|" + "---|" * 9

MOST_TOLD = 4
"""Claims of each of the worst designs that are printed; the JSON form has all."""


def tables(found: Findings, effort: Effort) -> Iterator[str]:
    """Markdown: every claim over all designs, then the worst designs on fresh luck."""
    tail = found.tail_of_one
    cheaper = ", ".join(f"{name} {family.effort:g}" for name, family in FAMILIES.items() if family.effort != 1)
    yield (
        f"{len(found.screened)} designs with {effort.screen} lives each, the {len(found.confirmed)} worst again on "
        f"fresh luck with {effort.confirm} (times {cheaper}). Bounds are Clopper and Pearson's at "
        f"{tail:.1e}, so that a true set of claims is refuted in at most 1 % of runs."
    )
    yield HEAD.format("claim", "designs | lives", "")
    yield RULE
    for claim, count in sorted(found.pooled.items()):
        designs = sum(claim in named(lived) for lived in found.screened)
        yield f"| {claim} | {designs} | {_cells(claim, count, tail)} |"
    yield HEAD.format("worst designs", "lives", " detectable |")
    yield RULE
    for lived in found.confirmed:
        yield from _worst(lived, tail)


def _worst(lived: Lived, tail: float) -> Iterator[str]:
    yield f"| {replayed(lived.design)}: {lived.design.told()} | | | | | | | | |"
    for claim, count in _doubtful(lived.counts).items():
        least = detectable(claim, count.lives, tail)
        yield f"| {lived.design.family} {lived.design.number}, {claim} | {_cells(claim, count, tail)} | {least:.3f} |"


def _doubtful(counts: Counts) -> Counts:
    """The claims that are the least likely to hold, first."""
    order = sorted(counts, key=lambda claim: counts[claim].p_value(limit_of(claim)))
    return {claim: counts[claim] for claim in order[:MOST_TOLD]}


def _cells(claim: str, count: Count, tail: float) -> str:
    low, high = count.bounds(tail)
    given = "–" if count.rate_if_shown is None else f"{count.rate_if_shown:.4f}"
    stands = "**no**" if excluded(claim, count, tail) else "yes"
    return (
        f"{count.lives:,} | {count.shown_rate:.3f} | {count.rate:.4f} | {given} | {low:.4f} to {high:.4f} | "
        f"{limit_of(claim):g} | {stands}"
    )


def summary(found: Findings) -> str:
    """One line."""
    failed = list(found.failures())
    lives = sum(max((c.lives for c in one.counts.values()), default=0) for one in (*found.screened, *found.confirmed))
    head = f"{len(found.screened)} designs, {lives:,} lives, {len(found.pooled)} claims: "
    if not failed:
        return head + "no claim is refuted"
    worst = max(failed, key=lambda one: one[2].rate - limit_of(one[0]))
    where = replayed(worst[1]) if worst[1] else "mean over all designs"
    names = dict.fromkeys(claim for claim, _, _ in failed)
    return head + f"refuted: {', '.join(names)}; farthest off {worst[0]} {worst[2].rate:.3f} ({where})"


def as_json(found: Findings) -> dict[str, Any]:
    """The same as data."""
    tail = found.tail_of_one
    return {
        "tail": tail,
        "pooled": {claim: _data(claim, count, tail) for claim, count in found.pooled.items()},
        "screened": [_lived(one, tail) for one in found.screened],
        "confirmed": [_lived(one, tail) for one in found.confirmed],
        "refuted": [
            {"claim": claim, "design": design.number if design else None, "family": design.family if design else None}
            for claim, design, _ in found.failures()
        ],
        "summary": summary(found),
    }


def _lived(one: Lived, tail: float) -> dict[str, Any]:
    design = one.design
    head = {"family": design.family, "design": design.number, "seed": design.seed, "told": design.told()}
    return head | {"claims": {claim: _data(claim, count, tail) for claim, count in one.counts.items()}}


def _data(claim: str, count: Count, tail: float) -> dict[str, Any]:
    low, high = count.bounds(tail)
    return {
        "lives": count.lives,
        "shown": count.shown_rate,
        "wrong_and_shown": count.rate,
        "wrong_if_shown": count.rate_if_shown,
        "lower": low,
        "upper": high,
        "may_be": limit_of(claim),
        "detectable": detectable(claim, count.lives, tail),
    }
