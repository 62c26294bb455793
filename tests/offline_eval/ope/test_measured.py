"""Whatever claims coverage names the table that measured it, and the table is there and speaks of it."""

import re
from pathlib import Path

import pytest

from offline_eval.intervals import INTERVALS
from offline_eval.ope import ESTIMATORS

ROOT = Path(__file__).resolve().parents[3]
TABLE = re.compile(r"docs/results/\w+\.md")
FILES = [f"offline_eval/intervals/{name}.py" for name in INTERVALS] + [
    f"offline_eval/ope/{name}.py" for name in ESTIMATORS
]


@pytest.mark.parametrize("file", [*FILES, "offline_eval/intervals/partial.py", "offline_eval/intervals/tails.py"])
def test_the_table_that_measured_it_is_named_and_there(file: str) -> None:
    text = " ".join((ROOT / file).read_text().split())
    named = TABLE.findall(text)
    assert named, f"{file} names no table of docs/results"
    assert all((ROOT / table).is_file() for table in named)


@pytest.mark.parametrize("name", [*ESTIMATORS, *(name for name in INTERVALS if name != "trivial")])
def test_the_table_of_coverage_speaks_of_it(name: str) -> None:
    """All but `trivial`, which claims nothing."""
    assert re.search(rf"\b{name}\b", (ROOT / "docs/results/coverage.md").read_text())


@pytest.mark.parametrize("file", ["intervals", "ope"])
def test_titles_of_tables_are_those_of_the_page(file: str) -> None:
    """Where a docstring names a table's title in quotes, the page has it."""
    page = (ROOT / "docs/results/coverage.md").read_text()
    for path in (ROOT / "offline_eval" / file).glob("*.py"):
        for title in re.findall(r'coverage\.md, "([^"]+)"', " ".join(path.read_text().split())):
            assert title.lower() in page.lower(), (path.name, title)
