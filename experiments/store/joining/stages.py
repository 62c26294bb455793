"""What is due when: the joiner's stages and horizon, shared by the joiner and by the view of its progress."""

from collections.abc import Mapping

from experiments.model.tables.workers import EarlyRound
from experiments.model.times import SECOND
from experiments.store.designing.revisions import RevisionFacts
from experiments.store.joining.matured import MATURED, Stage

COMMIT_LAG = 1 * SECOND
"""How long a decision may take from its instant to its commit; what takes longer is found by the sweep."""


def stages_of(facts: Mapping[int, RevisionFacts]) -> list[Stage]:
    """Early rounds of each revision that has a learning window, then whole rounds."""
    early = [
        Stage(f"early:{number}", EarlyRound, one.window - one.learning_window, number)
        for number, one in sorted(facts.items())
        if one.learning_window is not None
    ]
    return [*early, MATURED]


def horizon_of(facts: Mapping[int, RevisionFacts], clock_now: int | None, at: int) -> int | None:
    """Decisions that mature by this instant are due; None where the caller's clock was never read.

    On the server's clock a unit's next decision, which ends the window for last touch, must have been committed: the
    grace gives it the time, and where it is shorter than COMMIT_LAG the joiner waits for the rest.
    """
    if any(one.on_callers_clock for one in facts.values()):
        return clock_now
    return at - max(0, COMMIT_LAG - min(one.grace for one in facts.values()))
