"""Keep messages that could not be taken, and give them out again."""

from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from experiments.errors import ConflictError, NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.streams import DeadLetter
from experiments.model.times import now
from experiments.store import audit
from experiments.store.core.engine import reading, transaction
from experiments.store.recording.dead_letters import Letter, keep, note_replayed, sent, waiting

AT_ONCE = 200


def keep_dead_letters(engine: Engine, principal: Principal, letters: Sequence[Letter]) -> None:
    """Keep them, once each. Raises ForbiddenError without the scope `outcomes`, UnavailableError."""
    require(principal, "outcomes")
    if letters:
        with transaction(engine) as session:
            keep(session.connection(), letters, now())


def replay_dead_letters(
    engine: Engine, principal: Principal, ids: Sequence[int] | None, send: Callable[[Sequence[DeadLetter]], None]
) -> int:
    """Hand letters to `send` in portions (ids None: all that wait), and note that they were sent; how many.

    At least once: a portion that `send` took is sent again where noting it fails. Raises ForbiddenError without the
    scope `admin`, NotFoundError and ConflictError where a named one is unknown or was sent already (then none is
    sent), and what `send` raises.
    """
    require(principal, "admin")
    if ids is not None:
        _check(engine, ids)
    replayed, after = 0, 0
    while True:
        began = now()
        with reading(engine) as session:
            letters = waiting(session, ids, after, AT_ONCE)
        if not letters:
            return replayed
        numbers = [letter.id or 0 for letter in letters]
        send(letters)
        with transaction(engine) as session:
            note_replayed(session, numbers, began)
            audit.append(session, principal, "dead-letters.replay", f"{numbers[0]}-{numbers[-1]}", {"ids": numbers})
        replayed, after = replayed + len(letters), numbers[-1]


def _check(engine: Engine, ids: Sequence[int]) -> None:
    with reading(engine) as session:
        replayed = sent(session, ids)
    if unknown := sorted({number for number in ids if number not in replayed}):
        raise NotFoundError(f"there is no dead letter {_named(unknown)}; see: winback dead-letters list")
    if gone := sorted(number for number, at in replayed.items() if at is not None):
        raise ConflictError(f"put back already: dead letter {_named(gone)}; what is refused again waits again")


def _named(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
