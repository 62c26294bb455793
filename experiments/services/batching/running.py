"""Carry a batch out: blocks through the decider, parts of the result, progress; in this order, so that a kill at any
instant repeats no decision and loses no row."""

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from sqlalchemy import Engine

from experiments.errors import InvalidError, StoppedError, UnavailableError, WinbackError
from experiments.model.access.principal import SYSTEM
from experiments.model.tables.batches import WHOLE
from experiments.model.times import now, to_datetime
from experiments.services.batching.reporting import NOTHING_YET, Report, nobody_decided, report_from, report_of
from experiments.services.batching.requesting import SILENCE, Claim, finish_batch, note_alive, note_progress, note_total
from experiments.services.batching.results import (
    SCHEMA,
    Answer,
    join_parts,
    named,
    remove_parts,
    result_table,
    write_table,
)
from experiments.services.batching.sources import Page, count, pages
from experiments.services.deciding.decider import Decider, check
from experiments.services.deciding.messages import Assignment
from experiments.services.deciding.replies import AssignmentAnswer
from experiments.services.hot_path import HotPath
from experiments.settings import Settings
from experiments.store.batching.batch_masks import masking_of
from experiments.store.batching.batch_results import behind, result_folder

BLOCK = {True: 1024, False: 2048}
"""Units of one commit, on the embedded database and else: there, decisions of others wait for the one writer."""

SWITCH = 0.001
"""Seconds after which the interpreter is handed to the thread that writes. At the usual 5 ms each of its statements
would wait that long for its turn, the write lock held."""

AHEAD = 2
"""Blocks under way at once: one is computed while another is committed."""

PART = 50_000
"""Rows after which the result and the progress are kept."""

BEAT = SILENCE // 6
"""After which others are told that the batch is still being worked on."""

_PATIENCE = 60.0
Progress = Callable[[int, int | None], None]


class Block(NamedTuple):
    """Rows of the result, what is counted of them, and the place in the source after them."""

    after: str
    tables: tuple[pa.Table, ...]
    counts: Counter[str]
    report: Report = NOTHING_YET

    @property
    def size(self) -> int:
        """How many rows."""
        return self.counts.total()

    def then(self, other: "Block") -> "Block":
        """Both, in this order."""
        report = self.report.then(other.report)
        return Block(other.after, self.tables + other.tables, self.counts + other.counts, report)


def _none_before(after: str) -> Block:
    return Block(after, (), Counter())


class _Hold:
    """The claim as it stands, for who has to say how the batch ended."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim


def folder_of(settings: Settings, number: int) -> Path:
    """Where a batch's files lie."""
    return result_folder(settings.history_path, number)


def run_batch(settings: Settings, engine: Engine, claim: Claim, progress: Progress | None = None) -> Path:
    """The file of the result, once every unit has its answer. The batch is then done, or failed where none of these
    answers is a decision.

    Raises StoppedError and UnavailableError, after which it can go on; whatever else it raises is why the batch failed.
    """
    hold = _Hold(claim)
    try:
        with _undisturbed():
            return asyncio.run(_run(settings, engine, hold, progress or (lambda _done, _total: None)))
    except (StoppedError, UnavailableError):
        raise
    except Exception as error:
        why = str(error) if isinstance(error, WinbackError) else f"the batch failed inside: {type(error).__name__}"
        with suppress(StoppedError):  # cancelled, or another process's: how it ends is not ours to say
            finish_batch(engine, hold.claim, why)
        raise


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Blocks are thousands of objects without cycles: walking them again and again is in vain."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(100_000, 50, 100)
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)


async def _run(settings: Settings, engine: Engine, hold: _Hold, progress: Progress) -> Path:
    folder, total = folder_of(settings, hold.claim.id), count(engine, hold.claim.request)
    hold.claim = note_total(engine, hold.claim, total)
    async with _decider(settings, engine) as decider:
        gathered = _none_before(hold.claim.after or "")
        async for block in _answered(decider, hold.claim, _blocks(engine, hold.claim, BLOCK[settings.is_sqlite])):
            gathered = gathered.then(block)
            if gathered.size >= PART:
                hold.claim = _keep(engine, folder, hold.claim, gathered)
                gathered = _none_before(gathered.after)
            elif now() >= hold.claim.heartbeat + BEAT:
                hold.claim = note_alive(engine, hold.claim)
            progress(hold.claim.done + gathered.size, total)
    if gathered.size:
        hold.claim = _keep(engine, folder, hold.claim, gathered)
    return _whole(engine, folder, hold)


def _whole(engine: Engine, folder: Path, hold: _Hold) -> Path:
    """The file of the result. Parts are removed once it is noted that the whole stands in their place."""
    whole = folder / WHOLE
    if hold.claim.files != (WHOLE,):
        hold.claim = note_alive(engine, hold.claim)
        whole = join_parts(folder, hold.claim.files, hold.claim.heartbeat, masking_of(engine, hold.claim.id))
        hold.claim = note_joined(engine, hold.claim)
    remove_parts(folder)
    finish_batch(engine, hold.claim, nobody_decided(hold.claim.counts, report_from(hold.claim.report).refusal))
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
    for page in pages(engine, claim.request, claim.after, claim.order):
        starts = range(0, len(page.requests), size)
        for start in starts:
            last = start + size >= len(page.requests)
            yield Page(page.after if last else "", page.requests[start : start + size])


async def _answered(decider: Decider, claim: Claim, blocks: Iterator[Page]) -> AsyncIterator[Block]:
    """Answers in order, AHEAD blocks at once; up to a place to go on from in one piece."""
    under_way: list[tuple[Page, asyncio.Task[list[Answer]]]] = []
    held = _none_before("")
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
            held = held.then(_block(page, await task))
            if page.after:
                yield held
                held = _none_before("")
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


async def _patiently(decider: Decider, claim: Claim, requests: Sequence[Assignment | WinbackError]) -> list[Answer]:
    """A database that is away for a moment is waited for. Raises UnavailableError after a minute."""
    deadline = now() + int(_PATIENCE * 1e6)
    while True:
        try:
            return await decider.decide_block(SYSTEM, claim.experiment, requests, claim.asked_at)
        except UnavailableError:
            if now() > deadline:
                raise
            await asyncio.sleep(0.5)


def _block(page: Page, answers: list[Answer]) -> Block:
    counts = Counter(answer.reason if isinstance(answer, AssignmentAnswer) else "refused" for answer in answers)
    units = [named(request, answer) for request, answer in zip(page.requests, answers, strict=True)]
    return Block(page.after, (result_table(units, answers),), counts, report_of(answers))


def _keep(engine: Engine, folder: Path, claim: Claim, gathered: Block) -> Claim:
    name = f"part-{len(claim.files) + 1:06d}-{claim.heartbeat}.parquet"
    rows, masking = pa.concat_tables(gathered.tables).combine_chunks(), masking_of(engine, claim.id)
    write_table(folder / name, pa.Table.from_batches([behind(each, masking) for each in rows.to_batches()], SCHEMA))
    counts = dict(Counter(claim.counts) + gathered.counts)
    files, done = (*claim.files, name), claim.done + gathered.size
    report = report_from(claim.report).then(gathered.report).stored()
    kept = claim._replace(after=gathered.after, files=files, done=done, counts=counts, report=report)
    return note_progress(engine, kept)
