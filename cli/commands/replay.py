"""`winback replay`: what other policies would have earned on a log, or on several."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import emit_json, progress_stages, say

Progress = Callable[[str, int, int], None]


def replay(
    logs: Annotated[
        list[Path],
        typer.Argument(
            metavar="LOG…|EXPERIMENT",
            help="CSV or Parquet of past decisions (several: of different logging policies), or an experiment's key.",
        ),
    ],
    spec: Annotated[
        list[Path] | None, typer.Option(help="TOML file that says how to read the log; one for each of several.")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="uniform, logging, rules, fixed:<arm>, plug_in, a learned one, online:<learned>, fixed, learned, all; "
            "your own: column:<of the log>, parquet:<file of probabilities>."
        ),
    ] = None,
    estimator: Annotated[
        list[str] | None, typer.Option(help="An estimator by name; all that the log can feed.")
    ] = None,
    model: Annotated[str, typer.Option(help="Outcome model: means, linear, logistic or boosting.")] = "linear",
    like: Annotated[Path | None, typer.Option(help="Another log, whose shares of arms are judged as a policy.")] = None,
    like_spec: Annotated[Path | None, typer.Option(help="The spec of the other log.")] = None,
    alpha: Annotated[float, typer.Option(help="1 - coverage of each interval.")] = 0.05,
    interval: Annotated[
        str | None, typer.Option(help="An interval by name for all estimators; by default each one's own rule.")
    ] = None,
    anytime: Annotated[
        bool, typer.Option("--anytime", help="Intervals that hold at every look at a log that grows.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Picture of weights and of calibration: FILE.png or FILE.svg.")
    ] = None,
    dask: Annotated[str | None, typer.Option(help="Address of a Dask scheduler to work on.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown.")] = False,
) -> None:
    """Judge other policies by logs of past decisions: values, intervals, diagnostics and a plain verdict.

    The exit status is 1 where some policy could not be judged (the others are), 2 where none could.
    """
    from cli.errors import CallError, JobError
    from offline_eval.candidates import UnknownCandidateError
    from offline_eval.judging import report
    from offline_eval.judging.claim import Claim, UnknownIntervalError
    from offline_eval.replay import UnknownEstimatorError

    _check(plot, like, like_spec)
    options: dict[str, Any] = {"outcome_model": model, "like": like, "like_spec": like_spec, "dask": dask}
    options |= {"claim": Claim(alpha, interval, anytime), "pictures": plot is not None}
    try:
        with progress_stages() as progress, _logs_and_specs(logs, spec or [], progress) as read:
            result = _result(read, policy, estimator, progress, **options)
    except (UnknownCandidateError, UnknownEstimatorError, UnknownIntervalError) as error:
        raise CallError(str(error)) from error
    if plot is not None:
        from offline_eval.pictures import draw

        draw(result, plot)
    if as_json:
        emit_json(result)
    elif markdown:
        say(report.markdown(result, _command()))
    else:
        _print(result)
    if count := len(result["failed"]):
        raise JobError(f"{count} of {count + len(result['policies']) - 1} policies could not be judged")


def _check(plot: Path | None, like: Path | None, like_spec: Path | None) -> None:
    from cli.errors import CallError

    if (like is None) != (like_spec is None):
        raise CallError("--like and --like-spec go together")
    if plot is not None and plot.suffix not in (".png", ".svg"):
        raise CallError(f"--plot {plot}: must end in .png or .svg")


@contextmanager
def _logs_and_specs(logs: list[Path], specs: list[Path], progress: Progress) -> Iterator[list[tuple[Path, Path]]]:
    """The files as named; an experiment's log as it is exported, so that the numbers are the service's own."""
    from cli.errors import CallError

    if specs:
        if len(specs) not in (1, len(logs)):
            raise CallError(f"{len(specs)} specs for {len(logs)} logs: give --spec once for each, or once for all")
        yield list(zip(logs, specs if len(specs) == len(logs) else specs * len(logs), strict=True))
        return
    if len(logs) > 1 or logs[0].exists():
        raise CallError(f"--spec is needed to read the file {logs[0]}")
    from tempfile import TemporaryDirectory

    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.views.exports import EXPORTS
    from experiments.views.exports.live_log import live_log

    with TemporaryDirectory(prefix="winback-replay-") as name, service_here() as service:
        live = live_log(service.engine, SYSTEM, str(logs[0]))
        EXPORTS["parquet"](live, Path(name), lambda done: progress("reading the log", done, live.rows))
        yield [(Path(name) / "log", Path(name) / "spec.toml")]


def _result(
    read: list[tuple[Path, Path]],
    policies: list[str] | None,
    estimators: list[str] | None,
    progress: Progress,
    **options: Any,
) -> dict[str, Any]:
    from cli.errors import CallError
    from offline_eval.candidates.own import FILE
    from offline_eval.logs import open_log, read_spec
    from offline_eval.replay import Options, replay
    from offline_eval.replay_several import replay_several

    engine = _engine(options["dask"])
    logs = [open_log(path, read_spec(spec), engine) for path, spec in read]
    # Files are read here alone: the service reads none for those who ask it.
    files = [Path(name.removeprefix(FILE)) for name in policies or () if name.startswith(FILE)]
    named = [name for name in policies or () if not name.startswith(FILE)] or ["logging"] if policies else None
    if len(logs) > 1 and (files or options["like"] is not None):
        raise CallError("parquet:… and --like are for one log; give several a column of probabilities (column:NAME)")
    extra, unreadable = _from_files(files, logs[0])
    extra += [] if options["like"] is None else [_like(logs[0], options["like"], options["like_spec"])]
    asked = Options(
        _model(options["outcome_model"]),
        engine,
        tuple(extra),
        options["claim"],
        pictures=options["pictures"],
        unreadable=unreadable,
    )
    if len(logs) > 1:
        return replay_several(logs, named, estimators, progress, asked)
    return replay(logs[0], named, estimators, progress, asked)


def _from_files(files: list[Path], log: Any) -> tuple[list[Any], dict[str, str]]:
    """Candidates, and the reasons of those whose file cannot be read as one."""
    from offline_eval.candidates import UnknownCandidateError
    from offline_eval.candidates.own import FILE, parquet_candidate
    from offline_eval.judging.failing import reason_of

    found, unreadable = [], {}
    for file in files:
        try:
            found.append(parquet_candidate(file, log))
        except UnknownCandidateError as error:
            unreadable[f"{FILE}{file}"] = reason_of(error)
        except OSError as error:
            unreadable[f"{FILE}{file}"] = f"the file cannot be read: {error.strerror or error}"
    return found, unreadable


def _model(name: str) -> str:
    from cli.errors import CallError
    from offline_eval.models import OUTCOME_MODELS

    if name not in OUTCOME_MODELS:
        raise CallError(f"unknown outcome model '{name}'; known: {', '.join(OUTCOME_MODELS)}")
    return name


def _engine(address: str | None) -> Any:
    from cli.errors import CallError
    from offline_eval.engine import Threads, cluster

    if address is None:
        return Threads()
    try:
        return cluster(address)
    except (RuntimeError, OSError, ValueError) as error:
        raise CallError(f"--dask {address}: {error}") from error


def _like(log: Any, path: Path, spec: Path) -> Any:
    from offline_eval.candidates.spread import OtherLog
    from offline_eval.logs import open_log, read_spec

    other = open_log(path, read_spec(spec))
    return OtherLog.of(f"like:{other.spec.name}", list(other.batches(pmf=False)), other.keys, log.keys)


def _print(result: dict[str, Any]) -> None:
    from cli.console import Paper
    from cli.replay_tables import show

    show(result, Paper())


def _command() -> str:
    words = [Path(word).name if "/" in word and not word.startswith("docs/") else word for word in sys.argv[1:]]
    return " ".join(["winback", *(word for word in words if word != "--markdown")])
