"""Prove law 2 over a whole experiment: every draw exactly, every pmf from its snapshot."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Engine

from experiments.errors import WinbackError
from experiments.model.access.principal import Principal, require
from experiments.model.deciding.decisions import DecisionRow
from experiments.model.deciding.rederiving import Body, Rederived, Rederiver
from experiments.model.designing.definition import Definition
from experiments.model.ids import public_id
from experiments.store.core.engine import reading
from experiments.store.deciding.decision_reads import count_decisions, decisions_after
from experiments.store.deciding.runtime_reads import read_definition, read_snapshot
from experiments.store.designing.experiments import find

AT_ONCE = 2000
EXAMPLES = 20
Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that could not be derived again as it is stored."""

    decision_id: str
    detail: str


@dataclass(slots=True)
class Verification:
    """What came of it. `draws_different` and `pmfs_different` are zero where law 2 holds; `examples` are the first."""

    experiment: str
    checked: int = 0
    draws_different: int = 0
    pmfs_different: int = 0
    erased: int = 0
    largest_difference: float = 0.0
    examples: list[Difference] = field(default_factory=list)

    @property
    def different(self) -> int:
        """Faults in all."""
        return self.draws_different + self.pmfs_different

    def add(self, row: DecisionRow, found: Rederived) -> None:
        """Count one decision."""
        self.checked += 1
        self.erased += found.erased
        self.draws_different += not found.same_draw
        self.pmfs_different += not found.same_pmf
        self.largest_difference = max(self.largest_difference, found.pmf_difference or 0.0)
        if not (found.same_draw and found.same_pmf) and len(self.examples) < EXAMPLES:
            self.examples.append(Difference(public_id(row.id), _detail(row, found)))


def verify(engine: Engine, principal: Principal, key: str, advance: Advance | None = None) -> Verification:
    """Derive every decision of an experiment again; `advance(done, total)` is told after every batch.

    Raises ForbiddenError, NotFoundError, UnavailableError.
    """
    require(principal, "read")
    with reading(engine) as session:
        experiment = find(session, key)
        number, salt = int(experiment.id or 0), experiment.salt
        total = count_decisions(session.connection(), number) if advance else 0
    rederiver = Rederiver(salt, _definitions(engine, number), _bodies(engine))
    result = Verification(key)
    for batch in _batches(engine, number):
        for row in batch:
            result.add(row, rederiver.check(row))
        if advance is not None:
            advance(result.checked, total)
    return result


def verify_some(
    engine: Engine, principal: Principal, key: str, after: int = -1, limit: int = AT_ONCE
) -> tuple[Verification, int | None]:
    """The same for the next `limit` decisions; also the id to go on after (None: there are no more).

    Raises ForbiddenError, NotFoundError, UnavailableError.
    """
    require(principal, "read")
    with reading(engine) as session:
        experiment = find(session, key)
        number, salt = int(experiment.id or 0), experiment.salt
        rows = decisions_after(session.connection(), number, after, limit)
    rederiver, result = Rederiver(salt, _definitions(engine, number), _bodies(engine)), Verification(key)
    for row in rows:
        result.add(row, rederiver.check(row))
    return result, rows[-1].id if len(rows) == limit else None


def _batches(engine: Engine, experiment_id: int) -> Iterator[list[DecisionRow]]:
    last = -1
    while True:
        with reading(engine) as session:
            rows = decisions_after(session.connection(), experiment_id, last, AT_ONCE)
        if not rows:
            return
        yield rows
        last = rows[-1].id


def _definitions(engine: Engine, experiment_id: int) -> Callable[[int], Definition]:
    known: dict[int, Definition] = {}

    def definition_of(revision: int) -> Definition:
        if revision not in known:
            found = read_definition(engine, experiment_id, revision)
            if found is None:
                raise WinbackError(f"revision {revision} is not there")
            known[revision] = Definition.model_validate(found)
        return known[revision]

    return definition_of


def _bodies(engine: Engine) -> Callable[[int], Body | None]:
    def body_of(snapshot_id: int) -> Body | None:
        found = read_snapshot(engine, snapshot_id)
        return None if found is None else (found.body, found.sha256)

    return body_of


def _detail(row: DecisionRow, found: Rederived) -> str:
    if not found.same_draw:
        return f"the draw {found.draw} from the stored pmf does not give {row.arm!r} with {row.propensity}"
    return found.reason or f"a probability differs by {found.pmf_difference:.3g} from what the snapshot gives"
