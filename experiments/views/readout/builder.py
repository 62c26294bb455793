"""What a readout shows of some cells: variants, arms, parts, money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.metrics import RATIOS, metric_names
from experiments.model.designing.controls import control_of, draws_blindly
from experiments.model.designing.definition import Definition
from experiments.model.designing.kinds import CAPPED_METRICS
from experiments.model.rollups import ARM_UNITS, DECISIONS, FORCED, UNITS
from experiments.model.tables.core import Experiment
from experiments.store.breakers import Trips
from experiments.views.readout.bounds import Bounds
from experiments.views.readout.cells import Cells
from experiments.views.readout.comparing import Comparing, Named, by_metric
from experiments.views.readout.earning import CAPPED, NEEDED, Earning
from experiments.views.readout.estimand import estimand
from experiments.views.readout.group import Group
from experiments.views.readout.judging import OVER, Guarded, Judging, ended_as_planned
from experiments.views.readout.pace import NO_PACE, Pace
from experiments.views.readout.parts import event_type_documents, event_types_of, segment_documents, segments_of
from experiments.views.readout.question import Question
from experiments.views.readout.withholding import mean_document, noted, worded

Document = dict[str, Any]

EXTRA = tuple(name for name in NEEDED if name not in RATIOS)
FAMILY = "one metric's contrasts of all variants, of all variants in all segments, or of all event types"
STOPPED = (
    "stopped before a planned end: a fixed look holds only if no look at these numbers made it stop; "
    "method=always_valid holds whatever made it stop"
)
SPAN = (
    "a part of the time, from hourly sums: hours are the clusters, widened by what repeated decisions of a unit added "
    "to the variance in the whole experiment; a span chosen after a look at the numbers shows what it was chosen for"
)
ONE_LOOK = (
    "{} holds for one look: who looks again and again finds differences that are not there; "
    "method=always_valid holds at every look"
)
CHOSEN = "the policy chose whom to give this event type, so these units are not compared with the control's"


def shown_metrics(definition: Definition, known: Mapping[str, int]) -> list[str]:
    """The objective, the experiment's own metrics, and every other that was ever not zero; then the ratios."""
    always = {definition.objective.maximise, *(metric.name for metric in definition.metrics)}
    names = dict.fromkeys([*metric_names(definition), *CAPPED_METRICS.values()])
    return [name for name in names if name in always or name in known] + list(RATIOS)


def method_of(row: Experiment, question: Question) -> str:
    """The method that is asked for, or that the experiment's state calls for."""
    return question.method or ("fixed" if row.status in OVER else "always_valid")


@dataclass(frozen=True, slots=True)
class ReadoutBuilder:
    """Groups ready to be shown. `variants` are prepared for `metrics` and whatever money and guardrails need."""

    row: Experiment
    definition: Definition
    cells: Cells
    question: Question
    control: str
    metrics: Sequence[str]
    variants: Mapping[str, Group]
    comparing: Comparing

    @classmethod
    def of(
        cls,
        row: Experiment,
        definition: Definition,
        cells: Cells,
        question: Question,
        only: frozenset[str] | None = None,
    ) -> "ReadoutBuilder":
        """Of all cells or of a part of them; in all metrics, or in these only."""
        shown = shown_metrics(definition, cells.places)
        metrics = [name for name in shown if only is None or name in only]
        found = cells.groups(lambda key: key.variant)
        keys = list(dict.fromkeys([*(one.key for one in definition.variants), *sorted(found)]))
        variants = {key: found.get(key) or cells.nobody() for key in keys}
        guarded = (rule.metric for rule in definition.guardrails)
        judged = [cells.bounds.judged(name) for name in (definition.objective.maximise, *guarded)]
        needed = list(dict.fromkeys([*metrics, *NEEDED, *(CAPPED if cells.bounds.caps else ()), *judged]))
        for group in variants.values():
            group.prepare(needed, UNITS)
        comparing = Comparing(method_of(row, question), adjustment=question.adjustment, bounds=cells.bounds)
        return cls(row, definition, cells, question, control_of(definition), metrics, variants, comparing)

    def judging(self, trips: Trips, pace: Pace = NO_PACE) -> Judging:
        """What the verdict rests on: `trips` is what guardrails have done, `pace` the decisions a day."""
        resumed = {key: first for (kind, key), first in trips.since.items() if kind == "variant"}
        later = {first: self._later(first) for first in sorted(set(resumed.values()))}
        paused = {key: why for (kind, key), why in trips.paused.items() if kind == "variant"}
        guarded, bounds = Guarded(resumed, later, paused), self.cells.bounds
        least = self.question.worthwhile
        return Judging(self.row, self.definition, self.control, self.variants, least, guarded, bounds, pace)

    def _later(self, first: int) -> dict[str, Group]:
        """Variants in the revision `first` and later, prepared for guardrails."""
        cells, bounds = self.cells.later(first), self.cells.bounds
        found = cells.groups(lambda key: key.variant)
        groups = {key: found.get(key) or cells.nobody() for key in self.variants}
        for group in groups.values():
            group.prepare(list(dict.fromkeys(bounds.judged(rule.metric) for rule in self.definition.guardrails)), UNITS)
        return groups

    def documents(self, arms: Document) -> Document:
        """All that is about groups, in the order in which it is to be read; `arms`: their contrasts, from cells."""
        lifts = self._lifts()
        segments = ({}, {}) if self._unsegmented else self._segments()
        types = ({}, {}) if self.question.event_type else self._event_types()
        return {
            "variants": self._variants(lifts),
            "arms": self._arms(arms),
            "multiplicity": {"adjustment": self.comparing.adjustment, "family": FAMILY},
            "differ": {"segments": segments[0], "event_types": types[0]},
            "segments": segments[1],
            "event_types": types[1],
            "money": {"currency": self.definition.currency, **self._money(lifts)},
        }

    def estimand(self) -> Document:
        """What verdict, chances and the first numbers are of, and how much revenue they leave out."""
        return estimand(self.definition, self.cells.bounds, self.variants)

    def headline(self) -> Document:
        """The same of variants and money alone."""
        lifts = self._lifts()
        return {
            "variants": self._variants(lifts),
            "money": {"currency": self.definition.currency, **self._money(lifts)},
        }

    def notes(self) -> list[str]:
        """What a reader must know of this way of asking."""
        found = []
        looked = self.row.status in OVER and not ended_as_planned(self.row, self.definition)
        if looked and self.question.method is None:
            found.append(STOPPED)
        if self.row.status not in OVER and self.comparing.method != "always_valid":
            found.append(ONE_LOOK.format(self.comparing.method))
        if self.question.spans:
            found.append(SPAN)
        adaptive = [key for key in self._compared if not draws_blindly(self.definition, key)]
        if self.question.event_type is not None and adaptive:
            found.append(f"{', '.join(adaptive)}: {CHOSEN}")
        return found

    def counts(self, still_open: int | None) -> Document:
        """Decisions by where they stand."""
        by_void = self.cells.groups(lambda key: key.voided)
        matured = sum(group.count(DECISIONS) for group in by_void.values())
        return {
            "decisions": None if still_open is None else matured + still_open,
            "matured": matured,
            "open": still_open,
            "void": by_void[1].count(DECISIONS) if 1 in by_void else 0,
            "forced": sum(group.count(FORCED) for group in by_void.values()),
        }

    @property
    def _unsegmented(self) -> bool:
        return self.question.segment is not None or self.question.spans

    @property
    def _compared(self) -> list[str]:
        """Variants that are held against the control."""
        return [key for key in self.variants if key != self.control]

    def _lifts(self) -> Named:
        keys = self._compared
        if self.question.event_type is not None:
            keys = [key for key in keys if draws_blindly(self.definition, key)]
        treated = {key: self.variants[key] for key in keys}
        return self.comparing.contrasts(treated, self.variants[self.control], [*self.metrics, *EXTRA])

    def _variants(self, lifts: Named) -> Document:
        versus = self.comparing.documents({key: {m: found[m] for m in self.metrics} for key, found in lifts.items()})
        first = self.definition.objective.maximise
        own = [self.cells.bounds.judged(first), first, *(metric.name for metric in self.definition.metrics)]
        judged = (
            self.metrics if self.comparing.method == "bayes" else [m for m in dict.fromkeys(own) if m in self.metrics]
        )
        groups = self.variants if len(self.variants) > 1 and self.question.event_type is None else {}
        bayesian = by_metric(groups, judged)
        return {
            key: {
                "units": group.count(UNITS),
                "decisions": group.count(DECISIONS),
                "metrics": _means(group, self.metrics),
                "versus": {self.control: versus[key]} if key in versus else {},
                "bayesian": bayesian.get(key, {}),
            }
            for key, group in self.variants.items()
        }

    def _arms(self, contrasts: Document) -> Document:
        found = self.cells.groups(lambda key: None if key.voided else key.arm)
        keys = list(dict.fromkeys([*(arm.key for arm in self.definition.arms), *sorted(found)]))
        return {
            key: arm_document(found.get(key) or self.cells.nobody(), self.metrics, contrasts.get(key, {}))
            for key in keys
        }

    def _segments(self) -> tuple[Document, Document]:
        return segment_documents(segments_of(self.cells), self.control, self.metrics, self.comparing)

    def _event_types(self) -> tuple[Document, Document]:
        parts = event_types_of(self.cells, self.definition, self.control)
        control = self.variants[self.control]
        return event_type_documents(parts, control, self.definition, self.metrics, self.comparing)

    def _money(self, lifts: Named) -> Document:
        earning = Earning(self.comparing, self.cells.revisions, self.variants[self.control])
        return {key: earning.document(group, compared=key in lifts) for key, group in self.variants.items()}


def arm_document(group: Group, metrics: Sequence[str], contrasts: Document) -> Document:
    """One arm: plain means, and beside them what holds under a policy that moves traffic (`contrasts`, by metric)."""
    group.prepare(metrics, ARM_UNITS)
    shown: Document = {name: {"naive": mean} for name, mean in _means(group, metrics).items()}
    versus: dict[str, Document] = {}
    for name, found in contrasts.items():
        if name == "eligible_share":
            continue
        shown.setdefault(name, {"naive": None})["adjusted"] = _adjusted(found, name, group.bounds)
        for control, contrast in found["versus"].items():
            versus.setdefault(control, {})[name] = noted(contrast, name, group.bounds)
    return {
        "units": group.count(ARM_UNITS),
        "decisions": group.count(DECISIONS),
        "eligible_share": contrasts.get("eligible_share"),
        "metrics": shown,
        "versus": versus,
    }


def _adjusted(found: Document, metric: str, bounds: Bounds) -> Document:
    """An arm's adjusted mean; beside bounds that are missing, `note` says why."""
    adjusted, why = found["adjusted"], worded(found.get("note", ""), metric, bounds)
    return {**adjusted, "note": why} if why and adjusted["lower"] is None else dict(adjusted)


def _means(group: Group, metrics: Sequence[str]) -> Document:
    """Means with their intervals; ratios only where there is something to divide by."""
    found = {name: mean_document(group.own(name), name, group.bounds) for name in metrics}
    return {name: one for name, one in found.items() if name not in RATIOS or one["value"] is not None}
