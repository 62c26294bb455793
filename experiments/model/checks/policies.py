"""Checks on the policies of variants and shadows."""

from collections.abc import Iterator, Mapping
from typing import Any

from bandit.errors import PolicySpecError
from bandit.policies import POLICIES, build
from experiments.errors import Fault
from experiments.model.checks.shape import escape
from experiments.model.definition import Definition, PolicyDefinition


def _policies(definition: Definition) -> Iterator[tuple[str, PolicyDefinition]]:
    for place, variant in enumerate(definition.variants):
        yield f"/variants/{place}/policy", variant.policy
    for place, shadow in enumerate(definition.shadow):
        yield f"/shadow/{place}/policy", shadow.policy


def specs_build(definition: Definition) -> Iterator[Fault]:
    """Every policy exists and its parameters make sense."""
    for where, policy in _policies(definition):
        try:
            build(policy.as_spec(), definition.context.as_spec())
        except PolicySpecError as error:
            for pointer, sentence in error.faults.items():
                yield Fault(f"{where}{pointer}", sentence)


def arms_exist(definition: Definition) -> Iterator[Fault]:
    """Every arm that a policy names is one of the experiment's, or `nothing`."""
    known = {arm.key for arm in definition.arms_with_nothing}
    for where, policy in _policies(definition):
        for pointer, arm in _named(policy):
            if arm not in known:
                yield Fault(f"{where}/params{pointer}", f"{arm!r} is no arm of this experiment")


def _named(policy: PolicyDefinition) -> Iterator[tuple[str, str]]:
    """The arms that a policy names; whatever is no text there has a fault of its own from `specs_build`."""
    params = policy.params
    if policy.name == "fixed" and isinstance(params.get("arm"), str):
        yield "/arm", params["arm"]
    if policy.name == "split" and isinstance(params.get("weights"), Mapping):
        yield from ((f"/weights/{escape(arm)}", arm) for arm in params["weights"])
    if policy.name == "rules":
        yield from _named_in_table(params)


def _named_in_table(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(params.get("default"), str):
        yield "/default", params["default"]
    for name in ("rules", "list"):
        table = params.get(name)
        for place, row in enumerate(table if isinstance(table, list) else []):
            if isinstance(row, Mapping) and isinstance(row.get("arm"), str):
                yield f"/{name}/{place}/arm", row["arm"]


def floors_are_feasible(definition: Definition) -> Iterator[Fault]:
    """K arms can each have at most 1/K; and only a learned policy has a floor."""
    count = len(definition.arms)
    for where, policy in _policies(definition):
        if policy.floor is None or policy.name not in POLICIES:
            continue
        if not POLICIES[policy.name].learned:
            yield Fault(f"{where}/floor", f"{policy.name} learns nothing and has no floor; leave it out")
        elif policy.floor * count > 1.0 + 1e-9:
            yield Fault(f"{where}/floor", f"{count} arms cannot each have {policy.floor:g}: at most {1 / count:.6g}")
