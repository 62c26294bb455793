"""The README's five minutes, run as they stand there against a live service."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.driving.temporary import Running, temporary_service

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
TOUR = README.partition("## Five minutes with curl")[2].partition("\n## ")[0]
BLOCKS = [block for block in re.findall(r"```sh\n(.*?)```", TOUR, re.DOTALL) if "curl" in block]


@pytest.fixture(scope="module")
def live() -> Iterator[Running]:
    with temporary_service() as running:
        yield running


def test_the_tour_works_as_written(live: Running) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed here")
    defined, started, decision, outcomes, results, decisions = (run(block, live) for block in BLOCKS)
    assert defined["key"] == "tour" and defined["status"] == "draft"
    assert started["status"] == "running"
    assert decision["assigned"] and decision["reason"] == "new"
    assert outcomes == {"results": [{"event_id": "s-1", "class": "accepted"}]}
    assert results["counts"]["matured"] == 1
    assert results["variants"][decision["variant"]]["metrics"]["reengagement"]["value"] == 1.0
    (record,) = decisions["items"]
    assert record["decision_id"] == decision["decision_id"]
    assert sum(decision["pmf"].values()) == pytest.approx(1.0)


def run(block: str, live: Running) -> Any:
    """The JSON that a block of the README prints."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "URL": live.url, "KEY": live.key}
    shell = ["bash", "-eu", "-o", "pipefail", "-c", block]
    shown = subprocess.run(shell, check=True, env=environment, capture_output=True, text=True, timeout=60)
    return json.loads(shown.stdout)
