"""`python -m migrations upgrade | check | revision -m MESSAGE`."""

import sys
from argparse import ArgumentParser

from alembic.util import CommandError

import migrations
from experiments.settings import settings


def main() -> int:
    """Run one command; exit status 1 where it failed."""
    parser = ArgumentParser(prog="python -m migrations")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("upgrade", help="bring the configured database to the newest version")
    commands.add_parser("check", help="fail where the migrations and the models differ")
    revision = commands.add_parser("revision", help="write a migration for what the models have and it lacks")
    revision.add_argument("-m", "--message", required=True)
    arguments = parser.parse_args()
    try:
        _run(arguments.command, getattr(arguments, "message", ""))
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(command: str, message: str) -> None:
    if command == "upgrade":
        migrations.upgrade(settings().database_url)
    elif command == "check":
        migrations.check()
    else:
        migrations.write_revision(message)


sys.exit(main())
