"""`winback import`: profiles, history and outcomes from files, databases and the web."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import bar, emit_json, say


def import_(
    kind: Annotated[str, typer.Argument(help="units, activity, payments, participation or outcomes.")],
    source: Annotated[
        str, typer.Argument(help="CSV, JSON lines (.gz) or Parquet file, URL of a database, or http(s).")
    ],
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="COLUMN=FIELD", help="Which column is which field; repeatable.")
    ] = None,
    constant: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="The same value for all rows; repeatable.")
    ] = None,
    query: Annotated[str | None, typer.Option(help="SQL, or the name of a table, for databases.")] = None,
    watermark: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="A column that only rises: the next run takes only what is new."),
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help='Of text files; "whitespace" for any run of blanks.')] = None,
    header: Annotated[
        bool, typer.Option(help="Whether text files name their columns; else they are 1, 2, 3, …")
    ] = True,
    time_format: Annotated[
        str | None, typer.Option(help="How times are written: iso, seconds, milliseconds, … or a pattern as %d.%m.%Y.")
    ] = None,
    authorization: Annotated[
        str | None,
        typer.Option(metavar="VARIABLE", help="Environment variable with the Authorization header for http."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be kept; write nothing.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="File for rejected rows with their reasons.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Import what is known of users: resumable, nothing twice, rejected rows with reasons in a file."""
    from cli.errors import CallError
    from cli.here import service_here
    from experiments.connectors.connector import Source
    from experiments.ingestion.importing import Importer, Order
    from experiments.ingestion.importing_plan import Wish
    from experiments.model.access.principal import SYSTEM

    if authorization is not None and authorization not in os.environ:
        raise CallError(f"--authorization {authorization}: there is no such environment variable")
    token = os.environ.get(authorization) if authorization else None
    place = Source(source, query, watermark, None, delimiter, header, token)
    wish = Wish(_pairs("--map", mapping), _pairs("--set", constant), time_format, watermark)
    order = Order(kind, place, wish, rejects)
    with service_here() as service, _bar(kind) as progress:
        importer = Importer(service.engine, service.settings.history_path, SYSTEM)
        report = asdict(importer.preview(order) if dry_run else importer.run(order, progress))
    if as_json:
        emit_json({"dry_run": dry_run, **report})
    else:
        _print(report, dry_run=dry_run)


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    from cli.errors import CallError

    found = {}
    for each in given or []:
        name, sign, value = each.partition("=")
        if not (name and sign):
            raise CallError(f"{option} {each}: must be written NAME=VALUE")
        found[name.strip()] = value.strip()
    return found


@contextmanager
def _bar(kind: str) -> Iterator[Callable[[int, int, int | None], None]]:
    """Rows and rows per second on stderr, with a bar where the end is known; nothing where stderr is no terminal."""
    from time import monotonic

    from rich.progress import TaskProgressColumn, TimeRemainingColumn

    began = monotonic()
    with bar(TaskProgressColumn(), TimeRemainingColumn()) as shown:
        if shown is None:
            yield lambda _rows, _done, _total: None
            return
        task = shown.add_task(f"importing {kind}", total=None)

        def show(rows: int, done: int, total: int | None) -> None:
            rate = rows / max(monotonic() - began, 1e-9)
            shown.update(task, completed=done, total=total, description=f"{kind}: {rows:,} rows, {rate:,.0f}/s")

        yield show


def _print(report: dict[str, Any], *, dry_run: bool) -> None:
    for name, column in report["columns"].items():
        origin = column["column"] if column["column"] is not None else f"always {column['constant']!r}"
        say(f"  {name:<16} {origin} as {column['type']}")
    if report["already"]:
        say(f"{report['source']}: this content was imported before ({report['accepted']:,} rows); nothing to do")
        return
    if not report["read"]:
        after = "" if report["watermark"] is None else f" after {report['watermark']}"
        say(f"{report['source']}: nothing new{after}" if after else f"{report['source']}: no rows")
        return
    if dry_run:
        for row in report["rows"]:
            say(f"  {row}")
    what = "would be kept of the first" if dry_run else "kept of"
    resumed = ", going on where an earlier run was cut off" if report["resumed"] else ""
    say(f"{report['source']}: {report['accepted']:,} {what} {report['read']:,} rows{resumed}")
    if report["duplicates"]:
        say(f"  {report['duplicates']:,} were there already")
    for name, count in report["classes"].items():
        say(f"  {count:,} {name}")
    for each in report["reasons"]:
        say(f"  {each['rows']:,} rejected: {each['reason']}")
    if report["rejects"]:
        say(f"  rejected rows: {report['rejects']}")
