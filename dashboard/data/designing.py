"""Drafting campaigns: what is stored, what the service would say, who would take part, how long it would take."""

from dataclasses import dataclass
from typing import Any

from dashboard.data import controlling
from dashboard.data.campaigns import campaign
from dashboard.who import Who
from experiments.errors import Fault
from experiments.model.designing.capping import CapProposal
from experiments.model.designing.definition import Definition
from experiments.model.designing.editability import EDITABILITY, forbidden
from experiments.services.designing.definitions import (
    change_experiment,
    create_experiment,
    validate_change,
    validate_experiment,
)
from experiments.services.limits.capping import propose_cap
from experiments.services.planning import request_plan
from experiments.views.plans import plan
from experiments.views.units.audience import audience, feature_names
from offline_eval.planning import PlanError, read_plan

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the service says of a draft."""

    faults: list[Fault]
    warnings: list[Fault]


def stored(who: Who, key: str) -> tuple[Document, Document]:
    """A campaign's definition, and its state beside it. Raises ForbiddenError, NotFoundError."""
    told = campaign(who, key)
    definition = {name: told[name] for name in Definition.model_fields if name in told}
    return definition, {name: value for name, value in told.items() if name not in definition}


def checked(who: Who, document: Any, key: str | None, patch: Any) -> Checked:
    """As `?validate_only=true` says it: of a new campaign, or of the change to the stored one of this key.

    Raises ForbiddenError, NotFoundError.
    """
    if key is None:
        verdict = validate_experiment(who.engine, who.principal, document)
    else:
        verdict = validate_change(who.engine, who.principal, key, patch)
    return Checked(list(verdict.faults), list(verdict.warnings))


def create(who: Who, document: Any) -> str:
    """Store a draft; its key. Raises ForbiddenError, InvalidError, ConflictError."""
    return create_experiment(who.engine, who.principal, document).key


def change(who: Who, key: str, patch: Any, version: int | None = None) -> None:
    """Change a stored one.

    Raises ForbiddenError, NotFoundError, PreconditionFailedError, ConflictError, InvalidError.
    """
    change_experiment(who.engine, who.principal, key, patch, version)


def move(who: Who, key: str, verb: str) -> None:
    """Start, pause, resume, stop or archive. Raises ForbiddenError, NotFoundError, ConflictError."""
    controlling.move(who, key, verb)


def proposed_cap(who: Who, document: Any) -> CapProposal | None:
    """A cap on revenue for a document that needs one and states none. Raises ForbiddenError."""
    return propose_cap(who.engine, who.principal, who.settings.history_path, document)


def locked(status: str | None) -> dict[str, str]:
    """Field → why it cannot change in this status; nothing of a new campaign is locked."""
    if status is None:
        return {}
    return {name: _why(name, status) for name in forbidden(set(EDITABILITY), status)}


def _why(name: str, status: str) -> str:
    rule = EDITABILITY[name]
    if status == "running" and rule.while_paused:
        return f"{rule.why}; pause the campaign to change it"
    if status in ("draft", "running", "paused"):
        return rule.why
    return f"the campaign is {status}"


def eligible(who: Who, rule: Any) -> Document:
    """How many of a sample of stored users a rule holds for. Raises ForbiddenError, InvalidError."""
    return audience(who.engine, who.principal, rule)


def features(who: Who) -> list[str]:
    """Names that rules may use. Raises ForbiddenError."""
    return feature_names(who.engine, who.principal)


def sized(document: Document) -> tuple[Document | None, str]:
    """A fixed test's size by formula, or why there is none."""
    try:
        return read_plan(document).made()["fixed"], ""
    except PlanError as error:
        return None, "; ".join(error.faults.values())


def simulate(who: Who, document: Document) -> int:
    """Queue a simulation; its number. Raises ForbiddenError, InvalidError."""
    return request_plan(who.engine, who.principal, document)


def simulated(who: Who, number: int) -> Document:
    """How far it is, and what came of it. Raises ForbiddenError, NotFoundError."""
    return plan(who.engine, who.principal, number)
