"""`python -m cli.demo`: started by `winback run --demo`, which passes the address and a key by the environment."""

import asyncio
import contextlib
import os
import signal
import sys
import time

import httpx

from cli.console import complain, say
from cli.demo.calls import Calls
from cli.demo.campaign import KEY, definition
from cli.demo.tally import Tally
from cli.demo.traffic import Traffic
from cli.errors import JobError
from cli.lifeline import hold

URL_VARIABLE, KEY_VARIABLE = "WINBACK_DEMO_URL", "WINBACK_DEMO_KEY"
LINE_EVERY = 5.0


async def play(url: str, key: str) -> None:
    """Run the campaign until cancelled."""
    calls, tally = Calls(url, key), Tally()
    try:
        experiment = await open_experiment(calls)
        traffic = Traffic(calls, experiment, time.time_ns(), tally)
        async with asyncio.TaskGroup() as group:
            for work in (traffic.ask(), traffic.report(), _speak(tally)):
                group.create_task(work)
    finally:
        await calls.close()


async def open_experiment(calls: Calls) -> str:
    """The key of a running demo experiment: the one that is there, or a new one where it was stopped."""
    from bandit.policies import DEFAULT_POLICY

    for key in (KEY, f"{KEY}-{time.strftime('%Y%m%d-%H%M%S')}"):
        await calls.post("/v1/experiments", definition(key, DEFAULT_POLICY), accept=(409,))
        status = (await calls.get(f"/v1/experiments/{key}")).json()["status"]
        if status in ("draft", "paused"):
            await calls.post(f"/v1/experiments/{key}/{'start' if status == 'draft' else 'resume'}", accept=(409,))
            return key
        if status == "running":
            return key
    raise JobError(f"the demo experiment could not be started: it is {status}")


async def _speak(tally: Tally) -> None:
    while True:
        await asyncio.sleep(LINE_EVERY)
        say(tally.line())


async def _until_told() -> None:
    task = asyncio.ensure_future(play(os.environ[URL_VARIABLE], os.environ[KEY_VARIABLE]))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main() -> int:
    """The exit status."""
    hold()
    status = 0
    try:
        asyncio.run(_until_told())
    except* (JobError, httpx.TransportError) as group:
        complain(f"the demo ends: {_first(group)}")
        status = 1
    return status


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


if __name__ == "__main__":
    sys.exit(main())
