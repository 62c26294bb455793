"""What would come of a change, without storing it; and who would be eligible."""

import pytest

from bandit.rounds import NOTHING
from experiments.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from experiments.model.access.principal import ROLES, SYSTEM, Principal
from experiments.services.designing.definitions import change_experiment, create_experiment, validate_change
from experiments.services.designing.steering import move_experiment
from experiments.services.profiling import store_profile
from experiments.views.experiments import experiment
from experiments.views.units.audience import audience, feature_names

DEFINITION = {
    "key": "spring",
    "arms": [{"key": NOTHING}, {"key": "offer"}],
    "variants": [
        {"key": "all", "share": 0.9, "policy": {"name": "fixed", "params": {"arm": "offer"}}},
        {"key": "holdout", "share": 0.1, "policy": {"name": "fixed", "params": {"arm": NOTHING}}},
    ],
}
PATCHES = [
    {"name": "Spring"},
    {"key": "other"},
    {"eligible": {">=": [{"var": "days_inactive"}, 30]}},
    {"currency": "USD"},
    {"budget": {"amount": -1}},
    {"budget": {"amount": 10, "pacing": "none"}},
    {"variants": []},
    {"layer": {"key": "mail", "share": 0.5}},
    {"nonsense": 1},
]


@pytest.mark.parametrize("status", ["draft", "running", "paused", "stopped"])
@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: next(iter(patch)))
def test_what_is_said_beforehand_is_what_happens(engine, status, patch):
    create_experiment(engine, SYSTEM, DEFINITION)
    for verb in {"draft": [], "running": ["start"], "paused": ["start", "pause"], "stopped": ["start", "stop"]}[status]:
        move_experiment(engine, SYSTEM, "spring", verb)
    before = experiment(engine, SYSTEM, "spring")
    verdict = validate_change(engine, SYSTEM, "spring", patch)
    assert experiment(engine, SYSTEM, "spring") == before
    if verdict.faults:
        with pytest.raises((ConflictError, InvalidError)):
            change_experiment(engine, SYSTEM, "spring", patch)
    else:
        change_experiment(engine, SYSTEM, "spring", patch)
        after = experiment(engine, SYSTEM, "spring")
        assert {name: after[name] for name in verdict.definition} == verdict.definition


def test_who_may_ask(engine):
    with pytest.raises(ForbiddenError):
        validate_change(engine, Principal("user:a", ROLES["analyst"]), "spring", {})
    with pytest.raises(NotFoundError):
        validate_change(engine, SYSTEM, "spring", {})
    with pytest.raises(ForbiddenError):
        audience(engine, Principal("key:a", frozenset({"assign"})), None)


def test_the_audience_is_counted_and_shown(engine):
    for number in range(12):
        store_profile(engine, SYSTEM, f"u-{number:02}", {"days_inactive": 10 * number, "country": "DE"})
    found = audience(engine, SYSTEM, {">=": [{"var": "days_inactive"}, 30]})
    assert (found["sampled"], found["eligible"], found["whole"]) == (12, 9, True)
    assert [each["eligible"] for each in found["examples"]] == [True, True, True, False, False]
    assert audience(engine, SYSTEM, None)["eligible"] == 12
    assert "country" in feature_names(engine, SYSTEM)
    with pytest.raises(InvalidError):
        audience(engine, SYSTEM, {"almost": []})
