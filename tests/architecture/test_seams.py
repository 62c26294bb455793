"""What the README calls one file and one line is one file and one line: a new thing is really added, and works."""

from pathlib import Path
from typing import Any

import pytest

import migrations
from bandit.policies import POLICIES
from bandit.policies.split import Split
from bandit.policies.uniform import Uniform
from benchmarks.synthetic_log import Shape, definition_of, write_log
from dashboard.designer.words import policy_choices
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.times import now
from experiments.settings import Settings
from experiments.views.monitoring.guardrails import guardrails
from experiments.views.readout import readout

WEIGHTS = {"weights": {"arm-0": 3, "arm-1": 1, "arm-2": 1}}


class Portions(Split):
    """A copy of another policy under a name that nothing else knows."""


class Evenly(Uniform):
    """A copy of the plainest."""


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POLICIES, "portions", Portions)
    monkeypatch.setitem(POLICIES, "evenly", Evenly)


def _played(folder: Path, names: tuple[str, str]) -> dict[str, Any]:
    """The readout and the guardrails of one log whose variants have these policies."""
    definition = definition_of(Shape(1), "campaign").model_dump(mode="json")
    policies = [{"name": names[0]}, {"name": names[1], "params": WEIGHTS}]
    variants = [one | {"policy": policy} for one, policy in zip(definition["variants"], policies, strict=True)]
    guarded = [{"metric": "conversion", "on": "arm", "versus": "arm-0", "worst": 0.1}]
    folder.mkdir()
    settings = Settings(database_url=f"sqlite:///{folder / 'winback.db'}", data_dir=folder, _env_file=None)
    migrations.upgrade(settings.database_url)
    worker = WorkerContext(settings)
    try:
        write_log(worker.engine, Shape(400, extra={"variants": variants, "guardrails": guarded}), key="campaign")
        lease = worker.leaseholder.hold()
        assert lease is not None
        worker.joiner.batch = 2048  # all at once: sums of parts, whose sizes follow the clock, differ in the last digit
        worker.joiner.run(lease, now())
        found = readout(worker.engine, SYSTEM, "campaign")
        return {"arms": found["arms"], "variants": found["variants"], **guardrails(worker.engine, SYSTEM, "campaign")}
    finally:
        worker.close()


def test_a_policy(added: None, tmp_path: Path) -> None:
    """A copy under another name is joined, read out and guarded to the last digit like what it copies."""
    original = _played(tmp_path / "original", ("uniform", "split"))
    copied = _played(tmp_path / "copied", ("evenly", "portions"))
    assert original["arms"]["arm-1"]["versus"], "there is something to compare"
    assert copied == original
    assert {"portions", "evenly"} <= {choice["value"] for choice in policy_choices()}
