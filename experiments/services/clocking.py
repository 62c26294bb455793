"""Move the caller's clock of an experiment without deciding."""

from sqlalchemy import Engine

from experiments.errors import ConflictError
from experiments.model.access.principal import Principal, require
from experiments.model.callers_clock import check_jump
from experiments.model.times import now, to_rfc3339
from experiments.store.core.engine import transaction
from experiments.store.designing.experiments import find


def advance_clock(engine: Engine, principal: Principal, key: str, at: int, *, confirmed: bool = False) -> int:
    """Set the clock to `at` and return it. What had matured by then is joined next.

    Raises ForbiddenError, NotFoundError, InvalidError where it is a jump that nobody confirmed, and ConflictError where
    the experiment runs on the server's clock, decides nothing any more, or stands later already.
    """
    require(principal, "assign")
    with transaction(engine) as session:
        experiment = find(session, key, for_change=True)
        if experiment.definition.get("clock") != "caller":
            raise ConflictError(f"{key!r} runs on the server's clock")
        if experiment.status in ("draft", "archived"):
            raise ConflictError(f"{key!r} is {experiment.status}: its clock stands still")
        if experiment.clock_now is not None and at < experiment.clock_now:
            raise ConflictError(f"the experiment's clock is at {to_rfc3339(experiment.clock_now)} and does not go back")
        if not confirmed:
            check_jump(experiment.clock_now, at, now())
        if experiment.clock_now is None:
            experiment.started_at = at
        experiment.clock_now = at
        return at
