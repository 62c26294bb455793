"""A plan for the experimenter's own audience: what a document leaves out is taken from an experiment's rounds."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from experiments.errors import Fault, InvalidError
from experiments.metrics import metric_names
from experiments.model.deciding.record import Record, decode_record
from experiments.model.designing.definition import Definition
from experiments.model.designing.guardrails import control_variant
from experiments.model.designing.kinds import CAPPED_METRICS
from experiments.model.rollups import DECISIONS
from experiments.model.tables.core import Experiment
from experiments.store.designing.experiments import find
from experiments.store.designing.revisions import definitions_of
from experiments.store.rollups.tiers import CellKey, Totals, read_totals

MOST_SEGMENTS = 20
CONTEXTS = 500
PRIOR = 20.0
"""Decisions that an arm's mean over all segments counts as in each of them: few rounds must not promise 0 or 100 %."""

RETURN = "reengagement"
TOTAL, SQUARES = 1, 2
Json = dict[str, Any]
Belongs = Callable[[CellKey], bool]

_RECORDS = "SELECT record FROM decisions WHERE experiment_id = :id ORDER BY matures_at DESC LIMIT :most"


def complete(session: Session, document: Mapping[str, Any]) -> Json:
    """The document without `experiment`, completed from it. Raises NotFoundError, InvalidError."""
    key = document.get("experiment")
    rest = {name: value for name, value in document.items() if name != "experiment"}
    if key is None:
        return rest
    if not isinstance(key, str):
        raise InvalidError([Fault("/experiment", "must be the key of an experiment")])
    row = find(session, key)
    source = _Source(session, row)
    if not source.decisions(lambda _: True):
        raise InvalidError([Fault("/experiment", f"{key} has no matured decision yet: give numbers of your own")])
    if isinstance(rest.get("metric"), dict | None) and ("metric" in rest or "test" in rest):
        rest["metric"] = source.metric(rest.get("metric") or {})
    if isinstance(rest.get("bandit"), dict):
        rest["bandit"] = source.bandit(rest["bandit"])
        rest.setdefault("arms", source.arms())
    return rest


class _Cells(NamedTuple):
    """Cells of an arm or a segment; of an arm, what was delivered."""

    arm: str | None = None
    segment: str | None = None

    def holds(self, key: CellKey) -> bool:
        """Whether the cell belongs."""
        mine = self.arm is None or (key.arm == self.arm and not key.voided)
        return mine and self.segment in (None, key.segment)


class _Source:
    """An experiment's totals and newest contexts."""

    def __init__(self, session: Session, row: Experiment) -> None:
        self._session, self._id = session, int(row.id or 0)
        self._definition = Definition.model_validate(row.definition)
        self._totals: Totals = read_totals(session.connection(), self._id)

    def metric(self, given: Mapping[str, Any]) -> Json:
        """`base` and `deviation` of one decision under the control, else in all. Raises InvalidError.

        Revenue and net value are planned for as they are judged: up to the cap, where a revision has one.
        """
        name = given.get("name", self._definition.objective.maximise)
        if name not in metric_names(self._definition):
            raise InvalidError([Fault("/metric/name", "is not a metric of the experiment")])
        name, revisions = self._judged(name)
        control = control_variant(self._definition)
        controlled = any(key.variant == control and key.revision in revisions for key in self._totals.keys)

        def belongs(key: CellKey) -> bool:
            return key.revision in revisions and (not controlled or key.variant == control)

        n, total, squares = self.decisions(belongs), self._sum(name, TOTAL, belongs), self._sum(name, SQUARES, belongs)
        mean = total / n
        asked = {each: value for each, value in given.items() if each != "name"}
        kind = asked.get("kind", "proportion" if squares == total and 0 < mean < 1 else "mean")
        known = {"kind": kind, "base": mean}
        if kind in ("mean", "cuped", "capped"):
            known["deviation"] = max(squares / n - mean * mean, 0.0) ** 0.5
        return known | asked

    def _judged(self, name: str) -> tuple[str, set[int]]:
        """What a verdict about the metric looks at, and over which revisions."""
        definitions = definitions_of(self._session.connection(), self._id)
        capped = {number for number, one in definitions.items() if one.cap_revenue is not None}
        capped &= {key.revision for key in self._totals.keys}
        if name in CAPPED_METRICS and capped:
            return CAPPED_METRICS[name], capped
        return name, {key.revision for key in self._totals.keys}

    def arms(self) -> list[Json]:
        """The experiment's arms with their costs."""
        wanted = ("key", "reward_amount", "reward_cost", "cost_on", "contact_cost")
        arms = [{name: getattr(arm, name) for name in wanted} for arm in self._definition.arms]
        kinds = [{"event_type": arm.event_type} if arm.event_type else {} for arm in self._definition.arms]
        return [arm | kind for arm, kind in zip(arms, kinds, strict=True)]

    def bandit(self, given: Mapping[str, Any]) -> Json:
        """Segments with shares, typical contexts and rates; what a return is worth."""
        completed = dict(given)
        completed.setdefault("segments", self._segments())
        returns, revenue = (self._sum(name, TOTAL, lambda _: True) for name in (RETURN, "revenue"))
        worth = self._definition.objective.margin * revenue / returns if returns else 0.0
        completed.setdefault("value", worth or 1.0)
        return completed

    def decisions(self, belongs: Belongs) -> float:
        """Matured decisions of the cells that belong."""
        return self._sum(DECISIONS, TOTAL, belongs)

    def _segments(self) -> list[Json]:
        sizes = {name: self.decisions(_Cells(segment=name).holds) for name in self._names()}
        largest = sorted(sizes.items(), key=lambda item: -item[1])[:MOST_SEGMENTS]
        contexts = self._contexts()
        return [
            {"name": name or "everyone", "share": size, "context": contexts.get(name, {}), "rates": self._rates(name)}
            for name, size in largest
            if size
        ]

    def _names(self) -> set[str]:
        return {key.segment for key in self._totals.keys}

    def _rates(self, segment: str) -> dict[str, float]:
        """Arm → chance of a return, drawn towards the arm's own, and that towards everyone's."""
        whole = self._sum(RETURN, TOTAL, lambda _: True) / self.decisions(lambda _: True)
        rates = {}
        for arm in self._definition.arms:
            mine = self._rate(_Cells(arm=arm.key).holds, whole)
            rates[arm.key] = self._rate(_Cells(arm=arm.key, segment=segment).holds, mine)
        return rates

    def _rate(self, belongs: Belongs, prior: float) -> float:
        events, n = self._sum(RETURN, TOTAL, belongs), self.decisions(belongs)
        return min((events + PRIOR * prior) / (n + PRIOR), 1.0)

    def _contexts(self) -> dict[str, Json]:
        """Segment → a typical context: medians and most frequent values of the newest decisions."""
        found = self._session.connection().execute(text(_RECORDS), {"id": self._id, "most": CONTEXTS})
        by_segment: dict[str, list[Record]] = defaultdict(list)
        for (stored,) in found:
            record = decode_record(stored)
            if not record.erased:
                by_segment[record.segment].append(record)
        names = [*self._definition.context.numeric, *self._definition.context.categorical]
        return {segment: _typical(names, records) for segment, records in by_segment.items()}

    def _sum(self, metric: str, statistic: int, belongs: Belongs) -> float:
        place = self._totals.places.get(metric)
        rows = [at for at, key in enumerate(self._totals.keys) if belongs(key)]
        return 0.0 if place is None else float(self._totals.sums[rows, place, statistic].sum())


def _typical(names: Iterable[str], records: list[Record]) -> Json:
    wanted = list(names) or sorted({name for record in records for name in record.context})
    typical: Json = {}
    for name in wanted:
        values = [value for record in records if (value := record.context.get(name)) is not None]
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        if numbers and len(numbers) == len(values):
            typical[name] = median(numbers)
        elif values:
            typical[name] = Counter(str(value) for value in values).most_common(1)[0][0]
    return typical
