"""Carry a batch out: blocks through the decider, parts of the result, progress; in this order, so that a kill at any
instant repeats no decision and loses no row."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from experiments.errors import InvalidError, UnavailableError, WinbackError
from experiments.model.principal import SYSTEM
from experiments.model.times import now, to_datetime
from experiments.services.batching.requesting import SILENCE, Claim, finish_batch, note_alive, note_progress, note_total
from experiments.services.batching.results import (
    WHOLE,
    Answered,
    join_parts,
    remove_parts,
    result_table,
    unit_of,
    write_table,
)
from experiments.services.batching.sources import Page, count, pages
from experiments.services.deciding.decider import Decider, check
from experiments.services.deciding.messages import Assignment, Decision
from experiments.services.hot_path import HotPath
from experiments.settings import Settings
from experiments.store.batch_results import result_folder

BLOCK = {True: 512, False: 2048}
"""Units of one commit, on the embedded database and else: there, decisions of others wait for the one writer."""

AHEAD = 2
"""Blocks under way at once: one is computed while another is committed."""

PART = 50_000
"""Rows after which the result and the progress are kept."""

BEAT = SILENCE // 6
"""After which others are told that the batch is still being worked on."""

_PATIENCE = 60.0
Progress = Callable[[int, int | None], None]


class Block(NamedTuple):
    """Requests of one commit, their answers, and the place in the source after them."""

    after: str
    answers: list[Answered]


def folder_of(settings: Settings, number: int) -> Path:
    """Where a batch's files lie."""
    return result_folder(settings.history_path, number)


def run_batch(settings: Settings, engine: Engine, claim: Claim, progress: Progress | None = None) -> Path:
    """The file of the result, once every unit has its answer. Raises StoppedError, UnavailableError."""
    thresholds = gc.get_threshold()
    # Blocks are thousands of objects without cycles: walking them again and again is in vain.
    gc.set_threshold(100_000, 50, 100)
    try:
        return asyncio.run(_run(settings, engine, claim, progress or (lambda _done, _total: None)))
    finally:
        gc.set_threshold(*thresholds)


async def _run(settings: Settings, engine: Engine, claim: Claim, progress: Progress) -> Path:
    folder, total = folder_of(settings, claim.id), count(engine, claim.request)
    claim = note_total(engine, claim, total)
    async with _decider(settings, engine) as decider:
        gathered: list[Answered] = []
        after = claim.after
        async for block in _answered(decider, claim, _blocks(engine, claim, BLOCK[settings.is_sqlite])):
            gathered += block.answers
            after = block.after
            if len(gathered) >= PART:
                claim = _keep(engine, folder, claim, after, gathered)
                gathered = []
            elif now() >= claim.heartbeat + BEAT:
                claim = note_alive(engine, claim)
            progress(claim.done + len(gathered), total)
    if gathered:
        claim = _keep(engine, folder, claim, str(after), gathered)
    return _whole(engine, folder, claim)


def _whole(engine: Engine, folder: Path, claim: Claim) -> Path:
    """The file of the result. Parts are removed once it is noted that the whole stands in their place."""
    whole = folder / WHOLE
    if claim.files != (WHOLE,):
        claim = note_alive(engine, claim)
        whole = join_parts(folder, claim.files, claim.heartbeat)
        claim = note_joined(engine, claim)
    remove_parts(folder)
    finish_batch(engine, claim.id)
    return whole


def note_joined(engine: Engine, claim: Claim) -> Claim:
    """Keep that the rows of all parts are in the whole file now. Raises StoppedError."""
    return note_progress(engine, claim._replace(files=(WHOLE,)))


@asynccontextmanager
async def _decider(settings: Settings, engine: Engine) -> AsyncIterator[Decider]:
    """The hot path's own decider, patient and not serving anybody else."""
    patient = settings.model_copy(update={"database_timeout": max(settings.database_timeout, 10.0)})
    hot = HotPath(patient, engine)
    await hot.start()
    try:
        yield hot.decider
    finally:
        await hot.close()


def _blocks(engine: Engine, claim: Claim, size: int) -> Iterator[Page]:
    """Pages cut into blocks; only the last block of a page has a place to go on from."""
    for page in pages(engine, claim.request, claim.after):
        starts = range(0, len(page.requests), size)
        for start in starts:
            last = start + size >= len(page.requests)
            yield Page(page.after if last else "", page.requests[start : start + size])


async def _answered(decider: Decider, claim: Claim, blocks: Iterator[Page]) -> AsyncIterator[Block]:
    """Answers in order, AHEAD blocks at once; up to a place to go on from in one piece."""
    under_way: list[tuple[Page, asyncio.Task[list[Decision | Exception]]]] = []
    held = Block("", [])
    keyed = await decider.without_window(claim.experiment)
    try:
        while True:
            while len(under_way) < AHEAD and (page := next(blocks, None)) is not None:
                task = asyncio.create_task(_patiently(decider, claim, _ready(claim, page.requests, keyed)))
                under_way.append((page, task))
                await asyncio.sleep(0)
            if not under_way:
                return
            page, task = under_way.pop(0)
            answers = await task
            units = map(unit_of, page.requests)
            held = Block(page.after, [*held.answers, *zip(units, answers, strict=True)])
            if page.after:
                yield held
                held = Block("", [])
    finally:
        for _, task in under_way:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


def _ready(claim: Claim, requests: Sequence[Assignment | InvalidError], keyed: bool) -> list[Assignment | WinbackError]:
    """With the batch's instant, and a key of the unit's own where an experiment without a window needs one."""
    at = None if claim.request.at is None else to_datetime(claim.request.at)
    ready: list[Assignment | WinbackError] = []
    for request in requests:
        if not isinstance(request, Assignment):
            ready.append(request)
            continue
        request.at = at
        request.idempotency_key = f"batch:{claim.id}:{request.unit_id}" if keyed else None
        try:
            check(request)
            ready.append(request)
        except InvalidError as error:
            ready.append(error)
    return ready


async def _patiently(
    decider: Decider, claim: Claim, requests: Sequence[Assignment | WinbackError]
) -> list[Decision | Exception]:
    """A database that is away for a moment is waited for. Raises UnavailableError after a minute."""
    deadline = now() + int(_PATIENCE * 1e6)
    while True:
        try:
            return await decider.decide_block(SYSTEM, claim.experiment, requests, claim.asked_at)
        except UnavailableError:
            if now() > deadline:
                raise
            await asyncio.sleep(0.5)


def _keep(engine: Engine, folder: Path, claim: Claim, after: str, gathered: Sequence[Answered]) -> Claim:
    name = f"part-{len(claim.files) + 1:06d}-{claim.heartbeat}.parquet"
    write_table(folder / name, result_table(gathered))
    counts = Counter(claim.counts)
    counts.update(answer.reason if isinstance(answer, Decision) else "refused" for _, answer in gathered)
    files, done = (*claim.files, name), claim.done + len(gathered)
    return note_progress(engine, claim._replace(after=after, files=files, done=done, counts=dict(counts)))
