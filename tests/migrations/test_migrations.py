"""The migrations, run on an empty database, give exactly the tables; on both databases, also when run at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.util import CommandError
from sqlalchemy import text

import migrations
from experiments.settings import Settings
from experiments.store.engine import driver_url, engine_for, transaction


def test_upgrading_from_empty_equals_the_models(database_url):
    migrations.compare(database_url)


def test_a_difference_is_found(database_url, engine):
    with transaction(engine) as session:
        session.connection().execute(text("DROP TABLE voids"))
    with pytest.raises(CommandError, match="voids"):
        migrations.compare(database_url)


def test_upgrading_again_changes_nothing(database_url, engine):
    migrations.upgrade(database_url)
    with engine.connect() as connection:
        assert migrations.is_current(connection)


def test_two_processes_may_upgrade_at_once(tmp_path):
    url = f"sqlite:///{tmp_path}/deep/er/winback.db"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrations.upgrade, [url, url]))
    migrations.compare(url)


def test_an_empty_database_is_not_current(tmp_path):
    engine = engine_for(Settings(database_url=f"sqlite:///{tmp_path}/empty.db"))
    with engine.connect() as connection:
        assert not migrations.is_current(connection)
    engine.dispose()


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://a@b/c", "postgresql+psycopg"),
        ("postgresql+asyncpg://a@b/c", "postgresql+psycopg"),
        ("sqlite:///x.db", "sqlite"),
    ],
)
def test_drivers_are_derived(given, driver):
    assert driver_url(given).drivername == driver
