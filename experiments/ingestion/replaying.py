"""Dead letters back into the streams that they came from."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import Engine

from experiments.connectors.brokers import Broker, Outgoing
from experiments.ingestion.streams import DEAD_LETTERS, broker_of
from experiments.model.access.principal import Principal
from experiments.model.tables.streams import DeadLetter
from experiments.services.dead_lettering import replay_dead_letters
from experiments.settings import Settings


def replay(settings: Settings, engine: Engine, principal: Principal, ids: Sequence[int] | None) -> int:
    """Publish letters again and remove them from the queue of dead letters, where the broker can; how many.

    Raises ForbiddenError, NotFoundError, ConflictError, UnavailableError.
    """
    with asyncio.Runner() as runner:
        broker = broker_of(settings)
        runner.run(broker.start({}))
        try:
            return replay_dead_letters(engine, principal, ids, lambda letters: runner.run(_send(broker, letters)))
        finally:
            runner.run(broker.stop())


async def _send(broker: Broker, letters: Sequence[DeadLetter]) -> None:
    # Out of the queue first: a letter that is refused again must not be taken for the old one.
    await broker.take_back(DEAD_LETTERS, {letter.digest for letter in letters})
    for letter in letters:
        await broker.publish(letter.stream, [Outgoing(letter.digest, letter.body, letter.stream)])
