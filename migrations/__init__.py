"""The tables' history: `upgrade` brings a database to the newest version, on SQLite and PostgreSQL alike."""

from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from experiments.settings import Settings
from experiments.store.core.engine import engine_for, hold, transaction
from experiments.store.core.locks import Lock


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database to the newest version, or to this one; does nothing where it is there.

    Creates an SQLite file.
    """
    engine = engine_for(Settings(database_url=database_url), patient=True)
    try:
        with transaction(engine) as session:
            connection = session.connection()
            # Two processes that start at once must not both create the tables.
            hold(session, Lock.MIGRATIONS)
            command.upgrade(_config(connection), revision)
    finally:
        engine.dispose()


def revision_of(connection: Connection) -> str | None:
    """The version that the database is at; None where it has no tables of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def is_known(revision: str) -> bool:
    """Whether this version of the program knows a version of the tables."""
    return any(each.revision == revision for each in ScriptDirectory.from_config(_config()).walk_revisions())


def is_current(connection: Connection) -> bool:
    """Whether the database behind the connection is at the newest version."""
    return MigrationContext.configure(connection).get_current_heads() == _heads()


def check() -> None:
    """Raise alembic's CommandError unless the migrations, run on an empty SQLite file, give exactly the tables."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/check.db"
        upgrade(url)
        compare(url)


def compare(database_url: str) -> None:
    """Raise alembic's CommandError where the database's tables differ from the models."""
    engine = engine_for(Settings(database_url=database_url), patient=True)
    try:
        with engine.connect() as connection:
            command.check(_config(connection))
    finally:
        engine.dispose()


def write_revision(message: str) -> None:
    """Write a new migration from what the models have and the migrations lack."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/revision.db"
        upgrade(url)
        engine = create_engine(url)
        with engine.connect() as connection:
            command.revision(_config(connection), message, autogenerate=True, rev_id=_next_number())
        engine.dispose()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _heads() -> tuple[str, ...]:
    return tuple(ScriptDirectory.from_config(_config()).get_heads())


def _next_number() -> str:
    return f"{int((_heads() or ('0',))[0]) + 1:04d}"
