"""The migrations, run on an empty database, give exactly the tables; on both databases, also when run at once."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy import text

import migrations
from experiments.model.erasing import unit_hash
from experiments.settings import Settings
from experiments.store.core.engine import driver_url, engine_for, transaction


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


def test_cells_of_before_do_not_know_their_largest_weight(tmp_path):
    url = f"sqlite:///{tmp_path}/cells.db"
    migrations.upgrade(url)
    engine = engine_for(Settings(database_url=url))
    sums = np.arange(12.0).reshape(6, 2).astype("<f8")
    with engine.begin() as connection:
        config = migrations._config(connection)
        command.downgrade(config, "0016")
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.execute(text('INSERT INTO eligible_sets (experiment_id, place, arms) VALUES (1, 0, \'["a", "b"]\')'))
        cell = "INSERT INTO arm_cells (experiment_id, era, variant, segment, eligible, rounds, sums)"
        connection.execute(text(f"{cell} VALUES (1, 1, 'v', 's', 0, 9, :sums)"), {"sums": sums.tobytes()})
        command.upgrade(config, "head")
        stored = connection.execute(text("SELECT sums FROM arm_cells")).scalar_one()
    engine.dispose()
    sums[1] = 1e300
    np.testing.assert_array_equal(np.frombuffer(stored, dtype="<f8").reshape(6, 2), sums)


def test_cells_of_before_are_capped_where_every_revision_is(tmp_path):
    url = f"sqlite:///{tmp_path}/capped.db"
    migrations.upgrade(url)
    engine = engine_for(Settings(database_url=url))
    with engine.begin() as connection:
        config = migrations._config(connection)
        command.downgrade(config, "0017")
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        for number, caps in ((1, (None,)), (2, (9.0, 8.0)), (3, (None, 9.0))):
            met = text("INSERT INTO eligible_sets (experiment_id, place, arms) VALUES (:id, 0, '[]')")
            connection.execute(met, {"id": number})
            for revision, cap in enumerate(caps, start=1):
                named = {"id": number, "revision": revision, "definition": json.dumps({"cap_revenue": cap})}
                columns = "(experiment_id, number, definition, opened_at)"
                stored = text(f"INSERT INTO revisions {columns} VALUES (:id, :revision, :definition, 0)")
                connection.execute(stored, named)
        command.upgrade(config, "head")
        found = connection.execute(text("SELECT experiment_id, capped FROM eligible_sets ORDER BY 1")).all()
    engine.dispose()
    assert [(number, bool(capped)) for number, capped in found] == [(1, False), (2, True), (3, False)]


def test_ids_of_erased_persons_are_hashed(tmp_path):
    url = f"sqlite:///{tmp_path}/erased.db"
    migrations.upgrade(url)
    engine = engine_for(Settings(database_url=url))
    with engine.begin() as connection:
        config = migrations._config(connection)
        command.downgrade(config, "0020")
        connection.execute(text("INSERT INTO erasures VALUES ('ana', 7, 5, 'erased-1')"))
        command.upgrade(config, "head")
        (row,) = connection.execute(text("SELECT * FROM erasures")).mappings()
        key = bytes.fromhex(json.loads(connection.execute(text(_KEY)).scalar_one())["key"])
    engine.dispose()
    assert row["unit_hash"] == unit_hash(key, "ana")
    assert (row["through_part"], row["erased_at"], row["tombstone"], bool(row["in_files"])) == (7, 5, "erased-1", True)
    assert "ana" not in str(dict(row))


_KEY = "SELECT value FROM service_settings WHERE name = 'erasure_key'"


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
