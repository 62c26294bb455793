"""Pause and resume a variant by hand."""

from sqlalchemy import Engine

from experiments.errors import ConflictError, Fault, InvalidError, NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.designing.states import LIVE
from experiments.store import audit
from experiments.store.breakers import Switch, end_adjustments, open_next_revision, paused_subjects, rearm, switch_off
from experiments.store.core.engine import transaction
from experiments.store.designing.experiments import find


def switch_variant(engine: Engine, principal: Principal, key: str, variant: str, enabled: bool, reason: str) -> None:
    """Pause (`enabled` false) or resume a variant.

    While paused its units stay its own and get what the control gets. Where the experiment runs, a revision opens each
    time, so that readouts keep the times apart; resuming what a guardrail paused starts its evidence anew. Nothing
    happens where it is as it should be. Raises ForbiddenError, NotFoundError, InvalidError, ConflictError once the
    experiment is over.
    """
    require(principal, "experiment")
    if not reason.strip():
        raise InvalidError([Fault("/reason", "say why")])
    with transaction(engine) as session:
        row = find(session, key, for_change=True)
        if variant not in {each["key"] for each in row.definition["variants"]}:
            raise NotFoundError(f"{key} has no variant {variant[:64]!r}")
        if row.status not in LIVE:
            raise ConflictError(f"{key} is {row.status}: its variants cannot be paused or resumed any more")
        subject = ("variant", variant)
        if enabled != (subject in paused_subjects(session, row.id or 0)):
            return
        if enabled:
            end_adjustments(session, row, subject)
        else:
            switch_off(session, row, Switch(subject, reason, principal.name))
        restarted = enabled and rearm(session, row, subject, principal.name)
        if not restarted and row.status != "draft":
            open_next_revision(session, row)
        row.version += 1
        session.add(row)
        verb = "variant.resume" if enabled else "variant.pause"
        audit.append(session, principal, verb, f"{key}/{variant}", {"reason": reason, "revision": row.revision})
