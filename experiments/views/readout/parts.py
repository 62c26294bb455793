"""The same lifts by segment and by event type, and first of all whether they differ at all."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from experiments.model.designing.controls import arms_by_event_type, draws_blindly
from experiments.model.designing.definition import Definition
from experiments.model.listing import listed
from experiments.model.rollups import DECISIONS, UNITS
from experiments.views.readout.cells import Cell, Cells
from experiments.views.readout.comparing import Comparing, Named
from experiments.views.readout.group import Group
from offline_eval.ab.bucketed import Linearised
from offline_eval.ab.bucketed_pair import Paired
from offline_eval.ab.heterogeneity import Effect, Heterogeneity, heterogeneity
from offline_eval.ab.scarcity import DOZENS

Document = dict[str, Any]


class Compared(Protocol):
    """A group of a part, as far as the test reads it."""

    def linearised(self, metric: str) -> Linearised:
        """The metric's means and what they rest on."""
        ...


Parts = dict[str, dict[str, Group]]
"""Part → variant → its group."""

FEW_EVENTS = f"fewer than {DOZENS} events in one of the groups"
FEW_UNITS = "a few units make most of the decisions, so that it is not known how much units vary"

LEAST_FREEDOM = 12.0
"""Degrees of freedom that a part's variance needs, for Welch's F to hold with 20 parts."""

BY_POLICY = (
    "the policy chose who got this event type: read the arms' adjusted contrasts, not a comparison of these units"
)


def segments_of(cells: Cells) -> Parts:
    """Segments met, in order; none where the experiment has none."""
    found = cells.groups(lambda key: (key.segment, key.variant) if key.segment else None, lambda name: name[0])
    return _nested(found)


def event_types_of(cells: Cells, definition: Definition, control: str) -> Parts:
    """Event types of the arms in force; each with the variants that drew it, the control's units whole beside them."""
    types = {arm: name for name, arms in arms_by_event_type(definition).items() for arm in arms}

    def label(key: Cell) -> tuple[str, str] | None:
        return None if key.variant == control or key.arm not in types else (types[key.arm], key.variant)

    return _nested(cells.groups(label))


def _nested(found: Mapping[tuple[str, str], Group]) -> Parts:
    parts: Parts = {}
    for part, variant in sorted(found):
        parts.setdefault(part, {})[variant] = found[part, variant]
    return parts


def segment_documents(
    parts: Parts, control: str, metrics: Sequence[str], comparing: Comparing
) -> tuple[Document, Document]:
    """(do segments differ: variant → metric → test, segment → its lifts with p-values adjusted over all of them)."""
    lifts: Named = {}
    for part, groups in parts.items():
        for group in groups.values():
            group.prepare(metrics, UNITS)
        if control in groups:
            treated = {f"{part}\0{key}": group for key, group in groups.items() if key != control}
            lifts |= comparing.contrasts(treated, groups[control], metrics)
    found = comparing.documents(lifts)
    documents = {
        part: {
            "matured": sum(group.count(DECISIONS) for group in groups.values()),
            "versus": {key: found[f"{part}\0{key}"] for key in groups if f"{part}\0{key}" in found},
        }
        for part, groups in parts.items()
    }
    pairs = {
        part: {key: (group, groups[control]) for key, group in groups.items() if key != control}
        for part, groups in parts.items()
        if control in groups
    }
    return differ(pairs, metrics, "segments"), documents


def event_type_documents(
    parts: Parts, control: Group, definition: Definition, metrics: Sequence[str], comparing: Comparing
) -> tuple[Document, Document]:
    """The same by event type, for variants whose draw is blind; the others are counted, and it is said why."""
    blind = {variant.key for variant in definition.variants if draws_blindly(definition, variant.key)}
    lifts: Named = {}
    for part, groups in parts.items():
        treated = {f"{part}\0{key}": group for key, group in groups.items() if key in blind}
        for group in treated.values():
            group.prepare(metrics, UNITS)
        lifts |= comparing.contrasts(treated, control, metrics)
    found = comparing.documents(lifts)
    documents = {
        part: {
            "matured": sum(group.count(DECISIONS) for group in groups.values()),
            "versus": {key: found[f"{part}\0{key}"] for key in groups if key in blind},
            "note": "" if set(groups) <= blind else BY_POLICY,
        }
        for part, groups in parts.items()
    }
    pairs = {
        part: {key: (group, control) for key, group in groups.items() if key in blind} for part, groups in parts.items()
    }
    return differ(pairs, metrics, "event types"), documents


def differ(
    pairs: Mapping[str, Mapping[str, tuple[Compared, Compared]]], metrics: Sequence[str], parts: str
) -> Document:
    """Variant → metric → Cochran's test of equal lifts in all parts, and what may be said of it. At one look."""
    variants = list(dict.fromkeys(key for groups in pairs.values() for key in groups))
    return {variant: {metric: _tested(pairs, variant, metric, parts) for metric in metrics} for variant in variants}


def _tested(
    pairs: Mapping[str, Mapping[str, tuple[Compared, Compared]]], variant: str, metric: str, parts: str
) -> dict[str, Any]:
    found = {part: _effect(*groups[variant], metric) for part, groups in pairs.items() if variant in groups}
    left_out = {part: why for part, why in found.items() if isinstance(why, str)}
    test = heterogeneity({part: effect for part, effect in found.items() if isinstance(effect, Effect)})
    return test.as_dict() | {"left_out": left_out, "said": said(test, parts) + _without(left_out)}


def _effect(treated: Compared, control: Compared, metric: str) -> Effect | str:
    """The part's lift, or why it is left out."""
    pair = Paired.of(treated.linearised(metric), control.linearised(metric))
    if pair.events < DOZENS or pair.means is None:
        return FEW_EVENTS
    if pair.freedom < LEAST_FREEDOM:
        return FEW_UNITS
    means = pair.means
    variance = means.top_variance + means.bottom_variance - 2 * means.covariance
    return Effect(means.top - means.bottom, variance, pair.freedom if pair.repeated else math.inf)


def _without(left_out: Mapping[str, str]) -> str:
    named = [part for part, why in left_out.items() if why == FEW_UNITS]
    return f"; left out: {', '.join(named)} ({FEW_UNITS})" if named else ""


def said(test: Heterogeneity, parts: str, alpha: float = 0.05) -> str:
    """In words; a part is named only where both the test of all and its own adjusted one say so."""
    if test.p_value is None:
        return f"fewer than two {parts} have the events that a comparison needs"
    if test.p_value > alpha:
        return f"no sign that {parts} differ (p {test.p_value:.2g}): read the lift of all together"
    named = [part for part, p in test.differing.items() if p <= alpha]
    told = f"{listed(named)} differ{'s' * (len(named) == 1)} from the rest" if named else "none of them can be named"
    return f"{parts} differ (p {test.p_value:.2g}); {told}"
