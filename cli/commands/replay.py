"""`winback replay`: what other policies would have earned on a log."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import emit_json, progress_stages, say


def replay(
    log: Annotated[
        Path, typer.Argument(metavar="LOG|EXPERIMENT", help="CSV or Parquet of past decisions, or an experiment's key.")
    ],
    spec: Annotated[Path | None, typer.Option(help="TOML file that says how to read the log.")] = None,
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
    dask: Annotated[str | None, typer.Option(help="Address of a Dask scheduler to work on.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown.")] = False,
) -> None:
    """Judge other policies by a log of past decisions: values, intervals, diagnostics and a plain verdict."""
    from cli.errors import CallError
    from offline_eval.candidates import UnknownCandidateError
    from offline_eval.judging import report
    from offline_eval.judging.claim import Claim, UnknownIntervalError
    from offline_eval.replay import UnknownEstimatorError

    if (like is None) != (like_spec is None):
        raise CallError("--like and --like-spec go together")
    try:
        with progress_stages() as progress, _log_and_spec(log, spec, progress) as (path, described):
            options: dict[str, Any] = {"outcome_model": model, "like": like, "like_spec": like_spec, "dask": dask}
            options |= {"claim": Claim(alpha, interval, anytime)}
            result = _result(path, described, policy, estimator, progress, **options)
    except (UnknownCandidateError, UnknownEstimatorError, UnknownIntervalError) as error:
        raise CallError(str(error)) from error
    if as_json:
        emit_json(result)
    elif markdown:
        say(report.markdown(result, _command()))
    else:
        _print(result)


@contextmanager
def _log_and_spec(
    log: Path, spec: Path | None, progress: Callable[[str, int, int], None]
) -> Iterator[tuple[Path, Path]]:
    """The file as named; an experiment's log as it is exported, so that the numbers are the service's own."""
    if spec is not None:
        yield log, spec
        return
    from tempfile import TemporaryDirectory

    from cli.errors import CallError
    from cli.here import service_here
    from experiments.model.principal import SYSTEM
    from experiments.views.exports import EXPORTS
    from experiments.views.live_log import live_log

    if log.exists():
        raise CallError(f"--spec is needed to read the file {log}")
    with TemporaryDirectory(prefix="winback-replay-") as name, service_here() as service:
        live = live_log(service.engine, SYSTEM, str(log))
        EXPORTS["parquet"](live, Path(name), lambda done: progress("reading the log", done, live.rows))
        yield Path(name) / "log", Path(name) / "spec.toml"


def _result(
    path: Path,
    spec: Path,
    policies: list[str] | None,
    estimators: list[str] | None,
    progress: Callable[[str, int, int], None],
    **options: Any,
) -> dict[str, Any]:
    from offline_eval.candidates.own import FILE, parquet_candidate
    from offline_eval.logs import open_log, read_spec
    from offline_eval.replay import Options, replay

    engine = _engine(options["dask"])
    log = open_log(path, read_spec(spec), engine)
    extra = [] if options["like"] is None else [_like(log, options["like"], options["like_spec"])]
    # Files are read here alone: the service reads none for those who ask it.
    named = [name for name in policies or () if not name.startswith(FILE)] or ["logging"]
    extra += [parquet_candidate(Path(name.removeprefix(FILE)), log) for name in policies or () if name.startswith(FILE)]
    chosen = Options(_model(options["outcome_model"]), engine, tuple(extra), options["claim"])
    return replay(log, named if policies else None, estimators, progress, chosen)


def _model(name: str) -> str:
    from cli.errors import CallError
    from offline_eval.models import OUTCOME_MODELS

    if name not in OUTCOME_MODELS:
        raise CallError(f"'{name}' is no outcome model; known: {', '.join(OUTCOME_MODELS)}")
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
