"""A live experiment's logged rounds as a log: the spec that says how to read them, and Arrow batches on demand.

For replays only matured decisions that may be learned are in it: not the open, voided or forced ones. The variants are
those whose policy draws. Within one of these a row's propensity is the logged one; a fixed variant's rows could tell
nothing about other arms. The log of the whole campaign holds every variant on intention to treat, voided decisions too.
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
from experiments.errors import ConflictError, Fault, InvalidError
from experiments.metrics import metric_names
from experiments.model.access.principal import Principal, require
from experiments.model.designing.definition import Definition
from experiments.model.designing.kinds import CAPPED_METRICS
from experiments.model.ids import public_id
from experiments.model.times import to_datetime
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.designing.revisions import RevisionBook
from experiments.store.joining.live_log import Extent, LoggedDecision, count_logged, logged_decisions
from experiments.store.joining.matured import last_sequence_of
from experiments.views.exports.log_specs import OBJECTIVE, Columns, lift_spec, replay_spec

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
    ("voided", pa.bool_()),
    ("draw", pa.string()),
    ("reward", pa.float64()),
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which part of an experiment: decided within [start, end), of some variants (None: all whose policy draws).

    `everybody`: the whole campaign, every variant on intention to treat, with a spec that compares variants.
    """

    start: int = 0
    end: int = FOREVER
    variants: Sequence[str] | None = None
    everybody: bool = False


@dataclass(frozen=True)
class LiveLog:
    """A log that does not change while it is read: it ends where the joiner stood when it was opened.

    Attributes:
        spec: as the log spec's TOML document, parsed.
        rows: how many. left_out: how many more there are of revisions without a cap, where others have one and the
            objective is money: what is concluded is about capped money, which is known in these alone.
    """

    name: str
    spec: dict[str, Any]
    schema: pa.Schema
    rows: int
    columns: Columns
    engine: Engine
    extent: Extent
    left_out: int = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, in the order in which they were joined; may be called again and gives the same."""
        for rows in logged_decisions(self.engine, self.extent):
            yield _batch(rows, self.schema, self.columns)


def live_log(engine: Engine, principal: Principal, key: str, chosen: Chosen = Chosen()) -> LiveLog:
    """Open an experiment's log. Raises NotFoundError, ConflictError where nothing has matured, InvalidError."""
    require(principal, "analyse")
    with reading(engine) as session:
        experiment = find(session, key)
        number = int(experiment.id or 0)
        definitions = _definitions(session, number, experiment.revision)
        variants = _variants(list(definitions.values()), chosen)
        last = last_sequence_of(session.connection(), number)
        extent = Extent(number, variants, chosen.start, chosen.end, last, chosen.everybody)
        rows = every = count_logged(session.connection(), extent)
        capped = _capped(extent, definitions)
        if capped is not None and (counted := count_logged(session.connection(), capped)):
            extent, rows = capped, counted
            definitions = {place: definitions[place] for place in capped.revisions}
    if not rows:
        raise ConflictError(
            f"{key!r} has no matured decision of {', '.join(variants)} in this span: there is no log yet"
        )
    newest_first = list(definitions.values())
    columns = _columns(newest_first[0], engine, extent)
    spec = (lift_spec if chosen.everybody else replay_spec)(newest_first, columns)
    _drop_exceeded_range(spec, engine, extent)
    return LiveLog(key, spec, _schema(columns), rows, columns, engine, extent, every - rows)


def _capped(extent: Extent, newest_first: Mapping[int, Definition]) -> Extent | None:
    """The part that a verdict about money is about: of the revisions with a cap. None where that is all, or nothing."""
    capped = [place for place, one in newest_first.items() if one.cap_revenue is not None]
    money = next(iter(newest_first.values())).objective.maximise in CAPPED_METRICS
    return extent._replace(revisions=capped) if money and 0 < len(capped) < len(newest_first) else None


def _drop_exceeded_range(spec: dict[str, Any], engine: Engine, extent: Extent) -> None:
    """Refunds of other decisions' purchases and manual costs can exceed a capped metric's range: then none is known."""
    objective = spec["objective"]
    name, limits = objective["maximise"], objective.get("range")
    if limits is None or name == OBJECTIVE:
        return
    lists = logged_decisions(engine, extent)
    if not all(limits[0] <= row.metrics.get(name, 0.0) <= limits[1] for rows in lists for row in rows):
        del objective["range"]


def _definitions(session: Session, experiment_id: int, newest: int) -> dict[int, Definition]:
    """By revision, the newest first."""
    facts = RevisionBook().all(session, experiment_id, newest)
    return {place: facts[place].definition for place in sorted(facts, reverse=True)}


def _variants(definitions: Sequence[Definition], chosen: Chosen) -> list[str]:
    wanted = chosen.variants
    policies = {variant.key: variant.policy.kind for definition in definitions for variant in definition.variants}
    if wanted is not None:
        if unknown := [key for key in wanted if key not in policies]:
            raise InvalidError([Fault("/variants", f"no such variants: {unknown}; there are {sorted(policies)}")])
        return list(wanted)
    if chosen.everybody:
        return list(policies)
    drawing = [key for key, policy in policies.items() if policy.randomises]
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
        "snapshot_id": [row.snapshot_id for row in rows],
        "voided": [bool(row.voided) for row in rows],
        "draw": [f"{row.epoch}.{row.attempt}" for row in rows],
        "reward": [row.reward for row in rows],
        "segment": [evidence.segment for evidence in proof],
    }
    data |= {column: [row.metrics.get(name, 0.0) for row in rows] for column, name in columns.metrics.items()}
    for column, name in columns.numeric.items():
        data[column] = [number(evidence.context.get(name)) for evidence in proof]
    for column, name in columns.categorical.items():
        data[column] = [category(evidence.context.get(name)) for evidence in proof]
    data |= {column: [evidence.shadow.get(name) for evidence in proof] for column, name in columns.shadows.items()}
    return pa.RecordBatch.from_pydict(data, schema=schema)
