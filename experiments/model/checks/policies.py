"""Checks on the policies of variants and shadows."""

from collections.abc import Iterator

from bandit.errors import PolicySpecError
from bandit.policies import POLICIES, build
from experiments.errors import Fault
from experiments.model.designing.definition import Definition, PolicyDefinition


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
        for pointer, arm in policy.arms_named:
            if arm not in known:
                yield Fault(f"{where}/params{pointer}", f"unknown arm {arm!r}: this experiment has no such arm")


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
