"""Decisions that were looked up before an erasure and would be committed after it."""

import pytest

from experiments.model.principal import SYSTEM
from experiments.services.deciding.messages import Assignment
from experiments.services.erasing import erase_unit
from experiments.services.hot_path import HotPath
from tests.experiments.batches.base import campaign, decided


@pytest.mark.parametrize("limits", [{}, {"caps": {"contacts": [{"max": 5, "within": "P7D", "scope": "service"}]}}])
def test_a_decision_under_way_does_not_bring_a_person_back(client, settings, engine, limits):
    campaign(client, **limits)
    for unit in ("ana", "ben"):
        client.put(f"/v1/units/{unit}", json={"profile": {"orders": 3}})

    async def race():
        hot = HotPath(settings, engine)
        await hot.start()
        log = hot.decider._passing._log
        append, calls = log.append, []

        async def after_an_erasure(*arguments):
            if not calls:
                erase_unit(engine, SYSTEM, "ana")
            calls.append(arguments)
            return await append(*arguments)

        log.append = after_an_erasure
        try:
            requests = [Assignment("ana"), Assignment("ben")]
            return await hot.decider.decide_many(SYSTEM, "win", requests), len(calls)
        finally:
            await hot.close()

    (ana, ben), passes = client.portal.call(race)
    assert (ana.assigned, ana.reason) == (False, "erased")
    assert (ben.assigned, ben.reason, passes) == (True, "new", 2)
    assert [row[0] for row in decided(engine)] == ["ben"]
