"""A log's spec as the experiment that plays it."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bandit.policies import DEFAULT_POLICY
from bandit.rounds import NOTHING, Arm
from cli.errors import CallError
from offline_eval.logs import Log, LogSpec

VARIANT = "driven"
WINDOW_SECONDS = 60
"""Attribution window on the caller's clock, which stands still while a chunk of rows is played."""

ELIGIBLE = "eligible_arms"
"""Name in the context that carries a row's own eligible arms; no policy sees it."""


def arm_keys(arms: Sequence[Arm]) -> dict[str, str]:
    """Logged arm → its key in the experiment: the same text where that is a valid key, else a readable one."""
    keys: dict[str, str] = {}
    for number, arm in enumerate(arms):
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", arm.key).strip("-._")[:48]
        key = slug if slug and slug not in keys.values() else f"{slug or 'arm'}-{number}"
        keys[arm.key] = f"{key}-logged" if key == NOTHING else key
    return keys


def salt(log: Log, policy: str, seed: int) -> str:
    """The experiment's salt: from it come all draws, so that a seed gives the same answer again."""
    return hashlib.sha256(f"winback drive|{log.spec.name}|{policy}|{seed}".encode()).hexdigest()


def definition(log: Log, policy: str, seed: int, key: str) -> dict[str, Any]:
    """The experiment as `POST /v1/experiments` takes it. Raises CallError where the policy makes no sense here."""
    spec, keys = log.spec, arm_keys(log.arms)
    features = log.features
    return {
        "key": key,
        "name": f"{spec.name}, played with {policy}, seed {seed}",
        "clock": "caller",
        "salt": salt(log, policy, seed),
        "objective": {"maximise": spec.objective.maximise, "margin": spec.objective.margin},
        "metrics": [{"name": metric, "kinds": [metric], "aggregate": "sum"} for metric in spec.outcomes],
        "attribution_window": f"PT{WINDOW_SECONDS}S",
        "decision_window": "PT0S",
        "grace": "PT0S",
        "context": {"numeric": list(features.numeric), "categorical": list(features.categorical)},
        "segments": {"by": list(spec.segments)},
        "arms": [_arm(arm, keys[arm.key], restricted=bool(spec.eligible)) for arm in log.arms],
        "variants": [{"key": VARIANT, "share": 1.0, "policy": policy_definition(spec, policy, keys)}],
    }


def policy_definition(spec: LogSpec, policy: str, keys: Mapping[str, str]) -> dict[str, Any]:
    """The variant's policy: a name of POLICIES, `fixed:<arm>`, or `rules` with the spec's own table."""
    name, _, arm = policy.partition(":")
    if name == "fixed":
        if arm not in keys:
            raise CallError(f"the policy fixed:<arm> needs an arm of the log, one of: {', '.join(keys)}")
        return {"name": "fixed", "params": {"arm": keys[arm]}}
    if name == "rules":
        return {"name": "rules", "params": _rules(spec, keys)}
    return {"name": policy or DEFAULT_POLICY}


def _rules(spec: LogSpec, keys: Mapping[str, str]) -> dict[str, Any]:
    if spec.rules is None:
        raise CallError("the policy rules needs a [rules] table in the spec")
    rows = [{"when": row.when, "arm": keys[row.arm]} for row in spec.rules.rows]
    return {"rules": rows, "default": keys[spec.rules.default]}


def _arm(arm: Arm, key: str, *, restricted: bool) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "key": key,
        "event_type": arm.event_type,
        "reward_kind": arm.reward_kind,
        "reward_amount": arm.reward_amount,
        "reward_cost": arm.reward_cost,
        "cost_on": arm.cost_on,
        "contact_cost": arm.contact_cost,
        "attributes": dict(arm.attributes),
    }
    if restricted:
        definition["eligible"] = {"in": [f"|{key}|", {"var": ELIGIBLE}]}
    return definition
