"""A batch under a learned policy decides as calls over HTTP do, and its decisions derive again."""

from experiments.model.access.principal import SYSTEM
from experiments.services.verifying import verify
from tests.experiments.batches.base import campaign, run
from tests.experiments.deciding.test_laws import VARIANTS, teach

ROWS = [{"unit_id": f"unit-{n:03d}", "context": {"x": ((n * 37) % 100 - 50) / 25} if n % 7 else {}} for n in range(240)]


def test_a_batch_decides_as_calls_do(client, service, settings, engine):
    arms = [{"key": "a", "eligible": {">=": [{"var": "x"}, -1]}}, {"key": "b", "reward_amount": 5}, {"key": "c"}]
    changes = {"eligible": None, "arms": arms, "variants": VARIANTS, "context": {"numeric": ["x"]}}
    campaign(client, **changes)
    teach(engine, "win")
    service.client.portal.call(client.app.state.winback.refresh)
    asked = client.post("/v1/experiments/win/assignments/batch", json=ROWS[::2]).json()["results"]
    previews = [client.post("/v1/experiments/win/assignments?preview=true", json=row).json() for row in ROWS[1::2]]
    number = client.post("/v1/experiments/win/batches", json={"assignments": ROWS}).json()["id"]
    found = run(settings, engine, number)
    assert [row["reason"] for row in found] == ["repeat", "new"] * 120
    assert [row["decision_id"] for row in found[::2]] == [each["decision_id"] for each in asked]
    for row, preview in zip(found[1::2], previews, strict=True):
        same = ("unit_id", "variant", "arm", "mode", "propensity")
        assert [row[name] for name in same] == [preview[name] for name in same]
    derived = verify(engine, SYSTEM, "win")
    assert (derived.checked, derived.draws_different, derived.largest_difference) == (240, 0, 0.0)
