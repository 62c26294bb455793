"""`winback batch`: decide for a whole base, here and now."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import emit_json, progress_towards, say


def batch(
    experiment: Annotated[str, typer.Argument(help="Key of the experiment.")],
    out: Annotated[Path | None, typer.Option(help="Where the result goes: .parquet, .csv or .jsonl.")] = None,
    segment: Annotated[str | None, typer.Option(help="A segment; by default every stored profile.")] = None,
    value: Annotated[list[str] | None, typer.Option(help="Only under this value of the segment; repeatable.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Parquet, CSV or JSON lines with unit_id; other columns are context.")
    ] = None,
    resume: Annotated[
        int | None, typer.Option(help="Go on with the batch of this number; of one that is done, its result.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Decide for a segment, a file or everybody; interrupted, it goes on with --resume and decides nobody twice.

    Exit status 1 where nobody was decided.
    """
    from cli.errors import CallError, JobError
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services.batching.requesting import claim_batch
    from experiments.services.batching.results import FORMATS, stream
    from experiments.services.batching.running import run_batch
    from experiments.views.batching import batches as views

    if out is not None and out.suffix.removeprefix(".") not in FORMATS:
        raise CallError(f"--out {out}: must end in .{', .'.join(FORMATS)}")
    if segment is not None and file is not None:
        raise CallError("--segment and --file do not go together")
    with service_here() as service:
        number = _number(service.engine, experiment, resume, (segment, value or [], file))
        if views.batch(service.engine, SYSTEM, experiment, number)["status"] != "done":
            claim = claim_batch(service.engine, number)
            if claim is None:
                raise JobError(f"batch {number} is another process's (a worker's?); see: GET …/batches/{number}")
            with progress_towards(f"batch {number} of {experiment}") as reach:
                run_batch(service.settings, service.engine, claim, lambda done, total: reach(done, total or done))
        told = views.batch(service.engine, SYSTEM, experiment, number)
        result = views.batch_result(service.engine, SYSTEM, experiment, number, service.settings.history_path)
        if out is not None:
            with out.open("wb") as target:
                for piece in stream(result.path, out.suffix.removeprefix("."), result.masking):
                    target.write(piece)
    if as_json:
        emit_json({**told, "result": str(out or result.path)})
    if told["status"] == "failed":
        raise JobError(f"batch {number}: {told['error']}; why each was not, row by row: {out or result.path}")
    if as_json:
        return
    counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(told["counts"].items()))
    for warning in told["warnings"]:
        say(warning)
    say(f"batch {number}: {told['done']:,} units ({counts or 'nobody'}) in {out or result.path}")
    if told["arms"]:
        say("arms: " + ", ".join(f"{count:,} {arm}" for arm, count in sorted(told["arms"].items())))
    for reason, found in sorted(told["excluded"].items()):
        say(f"left out an arm ({reason}): {found['decisions']:,} decisions, the first at {found['since']}")


def _number(engine: Any, key: str, resume: int | None, source: tuple[str | None, list[str], Path | None]) -> int:
    from cli.errors import CallError
    from experiments.model.access.principal import SYSTEM
    from experiments.services.batching.request import BatchRequest
    from experiments.services.batching.requesting import SUFFIXES, request_batch, resume_batch
    from experiments.views.batching.batches import batch as told

    if resume is not None:
        if told(engine, SYSTEM, key, resume)["status"] in ("cancelled", "failed"):
            resume_batch(engine, SYSTEM, key, resume)
        return resume
    segment, values, file = source
    if file is not None and not file.is_file():
        raise CallError(f"--file {file}: there is no such file")
    if file is not None and file.suffix not in SUFFIXES:
        raise CallError(f"--file {file}: must be a file that ends in {', '.join(SUFFIXES)}")
    path = None if file is None else str(file.resolve())
    return request_batch(engine, SYSTEM, key, BatchRequest(segment, tuple(values), path))
