"""What a process loads before it answers."""

import subprocess
import sys

import pytest

HEAVY = ("pandas", "plotly", "scipy.stats", "scipy.optimize", "sklearn")
LOADED_BY = {
    "api.app": HEAVY,
    "experiments.jobs.worker": (*HEAVY, "matplotlib", "fastapi"),
    "cli.here": (*HEAVY, "matplotlib", "fastapi", "duckdb", "vowpal_wabbit_next", "asyncpg"),
}
"""What a process imports at its start: API, worker, a command on the database; what none of it needs."""


@pytest.mark.parametrize(("start", "needless"), LOADED_BY.items(), ids=list(LOADED_BY))
def test_a_process_starts_without_what_it_seldom_needs(start: str, needless: tuple[str, ...]) -> None:
    found = subprocess.run(
        [sys.executable, "-c", f"import sys, {start}; print([m for m in {needless!r} if m in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"
