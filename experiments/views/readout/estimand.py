"""What the verdict and the first numbers of a readout are of, in words, and how much revenue lies above the cap."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from experiments.metrics import shares_of
from experiments.model.designing.definition import Definition
from experiments.model.designing.kinds import CAPPED_METRICS
from experiments.model.listing import in_runs, listed
from experiments.views.readout.bounds import Bounds, left_out
from experiments.views.readout.group import Group

Document = dict[str, Any]

NO_CAP = (
    "nothing is concluded about {name}: no cap on revenue per user was stated before the first decision; state "
    "cap_revenue (it opens a new revision, whose decisions then count)"
)


def estimand(definition: Definition, bounds: Bounds, variants: Mapping[str, Group]) -> Document:
    """JSON form: the metric that is judged, in words, its cap, where that came from, and what lies above it."""
    wanted = definition.objective.maximise
    money = wanted in CAPPED_METRICS
    newest = max(bounds.caps, default=0)
    return {
        "metric": bounds.judged(wanted),
        "words": in_words(definition, bounds),
        "cap_revenue": bounds.caps[newest] if money and newest else None,
        "cap_origin": bounds.origins.get(newest) if money else None,
        "above_cap": {key: group.above_cap() for key, group in variants.items()} if money and newest else {},
        "note": _note(definition, bounds, variants) if money else "",
    }


def in_words(definition: Definition, bounds: Bounds) -> str:
    """The mean that is judged; per decision, as every mean of a readout."""
    wanted = definition.objective.maximise
    name = wanted.replace("_", " ")
    if wanted in shares_of(definition):
        return f"share of decisions with {name}"
    if wanted not in CAPPED_METRICS or not bounds.caps:
        return f"{name} per decision"
    return f"{name} per decision, each user's revenue counted up to {_caps(bounds, definition.currency)}"


def _caps(bounds: Bounds, currency: str) -> str:
    """The cap, or the caps in the order of the revisions that they hold in."""
    by_revision = sorted(bounds.caps.items())
    spans = [(amount, [number for number, _ in run]) for amount, run in groupby(by_revision, key=lambda one: one[1])]
    if len(spans) == 1:
        return f"{spans[0][0]:,g} {currency}"
    return listed([f"{amount:,g} {currency} in {in_runs(numbers)}" for amount, numbers in spans])


def _note(definition: Definition, bounds: Bounds, variants: Mapping[str, Group]) -> str:
    if not bounds.caps:
        return NO_CAP.format(name=definition.objective.maximise.replace("_", " "))
    met = {revision for group in variants.values() for revision in group.revisions_met}
    without = sorted(met - bounds.caps.keys())
    return left_out(without) if without else ""
