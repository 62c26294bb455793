"""The console script `winback`: every command in sight, and one place where errors become exit statuses."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from cli.commands import (
    aa,
    api,
    audit,
    backup,
    batch,
    consume,
    dashboard,
    dead_letters,
    drive,
    export,
    features,
    import_,
    key,
    migrate,
    plan,
    readout,
    rebuild,
    replay,
    run,
    segments,
    simulate,
    user,
    verify,
    worker,
)
from cli.console import complain

COMMANDS: dict[str, Callable[..., None]] = {
    "run": run.run,
    "api": api.api,
    "worker": worker.worker,
    "consume": consume.consume,
    "dashboard": dashboard.dashboard,
    "migrate": migrate.migrate,
    "drive": drive.drive,
    "replay": replay.replay,
    "readout": readout.readout,
    "aa": aa.aa,
    "rebuild": rebuild.rebuild,
    "simulate": simulate.simulate,
    "plan": plan.plan,
    "verify": verify.verify,
    "export": export.export,
    "import": import_.import_,
    "features refresh": features.refresh,
    "features list": features.show,
    "key create": key.create,
    "key list": key.show,
    "key rotate": key.rotate,
    "key revoke": key.revoke,
    "user create": user.create,
    "audit verify": audit.verify,
    "audit accept": audit.accept,
    "batch": batch.batch,
    "backup": backup.backup,
    "restore": backup.restore,
    "segments refresh": segments.refresh,
    "segments show": segments.show,
    "segments load": segments.load,
    "dead-letters list": dead_letters.show,
    "dead-letters replay": dead_letters.replay,
}
"""A command is one function in one file of `commands`, and one line here. A name of two words makes a group."""

GROUPS = {
    "segments": "Groups of units by activity, and how they change.",
    "features": "What decisions know of a unit from its history.",
    "key": "Credentials of systems.",
    "user": "Logins of people.",
    "audit": "The audit trail.",
    "dead-letters": "Messages of the broker that could not be taken.",
}


def build() -> typer.Typer:
    """The application, from COMMANDS."""
    app = _typer("Decide, log, wait, learn, prove: contextual-bandit experiments for win-back campaigns.")
    groups = {name: _typer(help_text) for name, help_text in GROUPS.items()}
    for name, group in groups.items():
        app.add_typer(group, name=name)
    for words, command in COMMANDS.items():
        *parents, name = words.split()
        place = groups[parents[0]] if parents else app
        place.command(name)(_with_exit_status(command))
    return app


def main() -> None:
    """Run one command. Exit status: 0 done, 1 the job failed, 2 the call was wrong."""
    build()(prog_name="winback")


def _typer(help_text: str) -> typer.Typer:
    return typer.Typer(help=help_text, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _with_exit_status(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> None:
        from cli.logs import warnings_only

        warnings_only()
        try:
            command(*arguments, **options)
        except Exception as error:
            # Imported here: the classes live beside slow imports, and most calls end well.
            from cli.errors import exit_status, sentence

            status = exit_status(error)
            if status is None:
                raise
            complain(sentence(error))
            sys.exit(status)

    return wrapped
