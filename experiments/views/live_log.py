"""A live experiment's logged rounds as a log: the spec that says how to read them, and Arrow batches on demand.

Only matured decisions that may be learned are in it: not the open, voided or forced ones. The variants are those whose
policy draws. Within one of these a row's propensity is the logged one; a fixed variant's rows could tell nothing
about other arms.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine
from sqlmodel import Session

from bandit.features import category, number
from bandit.policies import POLICIES
from experiments.errors import ConflictError, Fault, InvalidError
from experiments.metrics import MetricPlan, metric_names
from experiments.model.definition import ArmDefinition, Definition
from experiments.model.ids import public_id
from experiments.model.principal import Principal, require
from experiments.model.times import to_datetime
from experiments.store.engine import reading
from experiments.store.experiments import find
from experiments.store.joining import last_sequence_of
from experiments.store.live_log import Extent, LoggedDecision, count_logged, logged_decisions
from experiments.store.revisions import RevisionBook

OBJECTIVE = "objective"
FOREVER = 2**62
_OWN = (
    ("decision_id", pa.string()),
    ("unit_id", pa.string()),
    ("decided_at", pa.timestamp("us", "UTC")),
    ("variant", pa.string()),
    ("revision", pa.int64()),
    ("arm", pa.string()),
    ("propensity", pa.float64()),
    ("eligible", pa.list_(pa.string())),
    ("pmf", pa.list_(pa.float64())),
    ("snapshot_id", pa.int64()),
    ("reward", pa.float64()),
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which part of an experiment: decided within [start, end), of some variants (None: all whose policy draws)."""

    start: int = 0
    end: int = FOREVER
    variants: Sequence[str] | None = None


@dataclass(frozen=True)
class LiveLog:
    """A log that does not change while it is read: it ends where the joiner stood when it was opened.

    Attributes:
        spec: as the log spec's TOML document, parsed.
        rows: how many.
    """

    name: str
    spec: dict[str, Any]
    schema: pa.Schema
    rows: int
    columns: "Columns"
    engine: Engine
    extent: Extent

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, in the order in which they were joined; may be called again and gives the same."""
        for rows in logged_decisions(self.engine, self.extent):
            yield _batch(rows, self.schema, self.columns)


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the experiment's own names lie: column → name. They give way to the log's own columns."""

    numeric: Mapping[str, str]
    categorical: Mapping[str, str]
    metrics: Mapping[str, str]
    shadows: Mapping[str, str]


def live_log(engine: Engine, principal: Principal, key: str, chosen: Chosen = Chosen()) -> LiveLog:
    """Open an experiment's log. Raises NotFoundError, ConflictError where nothing has matured, InvalidError."""
    require(principal, "analyse")
    with reading(engine) as session:
        experiment = find(session, key)
        number = int(experiment.id or 0)
        newest_first = _definitions(session, number, experiment.revision)
        variants = _variants(newest_first, chosen.variants)
        extent = Extent(number, variants, chosen.start, chosen.end, last_sequence_of(session.connection(), number))
        rows = count_logged(session.connection(), extent)
    if not rows:
        raise ConflictError(
            f"{key!r} has no matured decision of {', '.join(variants)} in this span: there is no log yet"
        )
    columns = _columns(newest_first[0], engine, extent)
    return LiveLog(key, _spec(newest_first, columns), _schema(columns), rows, columns, engine, extent)


def _definitions(session: Session, experiment_id: int, newest: int) -> list[Definition]:
    facts = RevisionBook().all(session, experiment_id, newest)
    return [facts[place].definition for place in sorted(facts, reverse=True)]


def _variants(definitions: Sequence[Definition], wanted: Sequence[str] | None) -> list[str]:
    policies = {variant.key: variant.policy.name for definition in definitions for variant in definition.variants}
    if wanted is not None:
        if unknown := [key for key in wanted if key not in policies]:
            raise InvalidError([Fault("/variants", f"no such variants: {unknown}; there are {sorted(policies)}")])
        return list(wanted)
    drawing = [key for key, name in policies.items() if POLICIES[name].learned or name in ("uniform", "split")]
    return drawing or list(policies)


def _columns(definition: Definition, engine: Engine, extent: Extent) -> Columns:
    declared = definition.context
    if declared.numeric or declared.categorical:
        numeric, categorical = list(declared.numeric), list(declared.categorical)
    else:
        numeric, categorical = _inferred(logged_decisions(engine, extent))
    metrics = {f"metric_{name}": name for name in metric_names(definition)}
    shadows = {f"shadow_{shadow.key}": shadow.key for shadow in definition.shadow}
    taken = {name for name, _ in _OWN} | metrics.keys() | shadows.keys() | {"segment"}
    place = partial(_free_name, taken)
    return Columns(
        {place(name): name for name in numeric}, {place(name): name for name in categorical}, metrics, shadows
    )


def _free_name(taken: set[str], name: str) -> str:
    while name in taken:
        name = f"context_{name}"
    taken.add(name)
    return name


def _inferred(lists: Iterable[Sequence[LoggedDecision]]) -> tuple[list[str], list[str]]:
    """Names of contexts without a schema: numeric where most values that are there are numbers."""
    seen: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    for rows in lists:
        for row in rows:
            for name, value in row.evidence.context.items():
                seen[name] += value is not None
                numbers[name] += isinstance(value, int | float) and not isinstance(value, bool)
    numeric = [name for name in seen if numbers[name] * 2 > seen[name]]
    return numeric, [name for name in seen if name not in set(numeric)]


def _schema(columns: Columns) -> pa.Schema:
    fields = [*_OWN, ("segment", pa.string())]
    fields += [(name, pa.float64()) for name in (*columns.metrics, *columns.numeric)]
    fields += [(name, pa.string()) for name in columns.categorical]
    fields += [(name, pa.list_(pa.float64())) for name in columns.shadows]
    return pa.schema(fields)


def _batch(rows: Sequence[LoggedDecision], schema: pa.Schema, columns: Columns) -> pa.RecordBatch:
    proof = [row.evidence for row in rows]
    data: dict[str, list[Any]] = {
        "decision_id": [public_id(row.decision_id) for row in rows],
        "unit_id": [row.unit_id for row in rows],
        "decided_at": [to_datetime(row.decided_at) for row in rows],
        **{name: [getattr(row, name) for row in rows] for name in ("variant", "revision", "arm", "propensity")},
        "eligible": [evidence.eligible for evidence in proof],
        "pmf": [evidence.pmf for evidence in proof],
        **{name: [getattr(row, name) for row in rows] for name in ("snapshot_id", "reward")},
        "segment": [evidence.segment for evidence in proof],
    }
    data |= {column: [row.metrics.get(name, 0.0) for row in rows] for column, name in columns.metrics.items()}
    for column, name in columns.numeric.items():
        data[column] = [number(evidence.context.get(name)) for evidence in proof]
    for column, name in columns.categorical.items():
        data[column] = [category(evidence.context.get(name)) for evidence in proof]
    data |= {column: [evidence.shadow.get(name) for evidence in proof] for column, name in columns.shadows.items()}
    return pa.RecordBatch.from_pydict(data, schema=schema)


def _spec(newest_first: Sequence[Definition], columns: Columns) -> dict[str, Any]:
    newest = newest_first[0]
    arms = {arm.key: arm for definition in reversed(newest_first) for arm in definition.arms_with_nothing}
    log: dict[str, Any] = {"name": newest.key, "unit": "unit_id", "time": "decided_at", "arm": "arm"}
    if newest.control in arms:
        log["control"] = newest.control
    log |= {"eligible": "eligible", "pmf": "pmf", "propensity": {"column": "propensity"}}
    objective: dict[str, Any] = {"maximise": OBJECTIVE}
    metric = MetricPlan(newest).events.get(newest.objective.maximise)
    if metric is not None and metric.aggregate == "any":
        objective["range"] = [0.0, 1.0]
    spec: dict[str, Any] = {
        "log": log,
        "context": {"numeric": list(columns.numeric), "categorical": list(columns.categorical)},
        "outcomes": {OBJECTIVE: "reward", **{name: column for column, name in columns.metrics.items()}},
        "objective": objective,
        "arms": [_arm(arm) for arm in arms.values()],
    }
    if newest.segments.by:
        spec["segments"] = {"by": ["segment"]}
    if columns.shadows:
        spec["shadow"] = {name: column for column, name in columns.shadows.items()}
    return spec


def _arm(arm: ArmDefinition) -> dict[str, Any]:
    """An arm as the spec describes it. What it cost is in the logged objective, with every override in force then."""
    described: dict[str, Any] = {"value": arm.key, "reward_amount": arm.reward_amount}
    described |= {"event_type": arm.event_type} if arm.event_type else {}
    described |= {"reward_kind": arm.reward_kind} if arm.reward_kind else {}
    attributes = {name: value for name, value in arm.attributes.items() if value is not None}
    return described | ({"attributes": attributes} if attributes else {})
