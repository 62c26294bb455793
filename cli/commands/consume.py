"""`winback consume`: the process that reads the broker's queues."""

import asyncio
import atexit
import gc
import signal

from cli.threads import one_each


def consume() -> None:
    """Read outcomes, profile changes and the catalogue from the broker, until stopped. Any number may run."""
    one_each()
    import uvloop

    from cli.lifeline import hold
    from cli.logs import configure
    from experiments.ingestion.consumer import consume as read_streams
    from experiments.settings import settings

    hold()
    chosen = settings()
    configure(chosen)
    # A batch is thousands of objects without cycles.
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # what stays frozen is told on the terminal as leaked
    gc.set_threshold(100_000, 50, 100)

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await read_streams(chosen, stop)

    uvloop.run(run())
