"""Propose a cap on revenue per unit, from what units have spent: before a campaign is stored or started."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from experiments.errors import Fault
from experiments.model.access.principal import Principal, require
from experiments.model.checks.shape import parse
from experiments.model.designing.capping import CapProposal, needs_cap, proposal_from
from experiments.model.designing.definition import Definition
from experiments.model.times import duration_micros
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.units.spending import spent_in_experiments, spent_in_windows


def propose_cap(engine: Engine, principal: Principal, folder: Path, document: Any) -> CapProposal | None:
    """For a document that is to be judged on money and states no cap, as far as it can be read.

    None where it needs none, or too little was ever spent. `folder`: the data directory. Raises ForbiddenError,
    UnavailableError.
    """
    require(principal, "experiment")
    return _proposed(engine, folder, parse(document)[0])


def propose_cap_at_start(engine: Engine, principal: Principal, folder: Path, key: str) -> CapProposal | None:
    """The same for a stored draft. Raises ForbiddenError, NotFoundError, UnavailableError."""
    require(principal, "experiment")
    with reading(engine) as session:
        row = find(session, key)
    definition = Definition.model_validate(row.definition)
    return _proposed(engine, folder, definition) if row.status == "draft" else None


def proposal_told(document: Any, proposal: CapProposal | None) -> list[Fault]:
    """A warning that shows the proposal; none where there is no proposal."""
    if proposal is None:
        return []
    sentence = (
        f"proposed is {proposal.sentence(parse(document)[0])}; it is taken at the start unless you state another value"
    )
    return [Fault("/cap_revenue", sentence)]


def _proposed(engine: Engine, folder: Path, definition: Definition) -> CapProposal | None:
    """Payments first: they are of everybody; a campaign's rounds are of those whom it was for."""
    if not needs_cap(definition):
        return None
    window = duration_micros(definition.attribution_window)
    found = proposal_from(spent_in_windows(engine, folder, window), "imported payments")
    if found is not None:
        return found
    with reading(engine) as session:
        spent = spent_in_experiments(session.connection(), definition.currency)
    return proposal_from(spent, "earlier experiments")
