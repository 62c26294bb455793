"""Every claim of a comparison or a check names what measured it, and that is there."""

import re
from pathlib import Path

import pytest

from offline_eval.ab.checks import CHECKS
from offline_eval.ab.comparisons import COMPARISONS

ROOT = Path(__file__).resolve().parents[3]
CLAIMS = {name: each.claims for name, each in (COMPARISONS | CHECKS).items()}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_names_a_page_that_is_there(name):
    named = re.findall(r"(?:docs|tests)/[\w/]+\.(?:md|py)", CLAIMS[name])
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", ["readout", "trust", "portfolio", "guardrails", "plans"])
def test_pages_that_claim_link_to_tables(page):
    text = (ROOT / "docs" / f"{page}.md").read_text()
    tables = re.findall(r"\((results/\w+\.md)\)", text)
    assert tables
    assert [table for table in tables if not (ROOT / "docs" / table).exists()] == []
