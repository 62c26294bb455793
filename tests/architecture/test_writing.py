"""The guard over the working copy sees what is written there, and nothing else."""

import sqlite3
from contextlib import closing

from tests.writing import ROOT, found


def test_the_guard_sees_files_folders_and_databases_of_the_working_copy_alone(tmp_path):
    (tmp_path / "elsewhere").write_text("x")
    (ROOT / "README.md").read_text()
    for elsewhere in (f"file:{tmp_path}/some.db?mode=rwc", ":memory:", "file::memory:?cache=shared"):
        sqlite3.connect(elsewhere, uri=True).close()
    assert found() == []
    place = ROOT / "left-behind"
    try:
        place.mkdir()
        (place / "file").write_text("x")
        with closing(sqlite3.connect(place / "some.db")) as database:
            database.execute("CREATE TABLE t (x)")
        assert found() == [str(place), str(place / "file"), str(place / "some.db")]
    finally:
        for path in place.iterdir():
            path.unlink()
        place.rmdir()
