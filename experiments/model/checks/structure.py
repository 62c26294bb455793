"""Checks on what an experiment is made of."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bandit.errors import RuleError
from bandit.rules import compile_rule
from experiments.errors import Fault
from experiments.model.designing.definition import Definition
from experiments.model.designing.fields import Rule

SHARE_TOLERANCE = 1e-9


def keys_are_unique(definition: Definition) -> Iterator[Fault]:
    """No two arms, variants, shadow policies or metrics may share a key."""
    yield from _repeated([arm.key for arm in definition.arms], "/arms", "key")
    variants = [variant.key for variant in definition.variants]
    yield from _repeated(variants, "/variants", "key")
    yield from _repeated([shadow.key for shadow in definition.shadow], "/shadow", "key")
    yield from _repeated([metric.name for metric in definition.metrics], "/metrics", "name")
    for place, shadow in enumerate(definition.shadow):
        if shadow.key in variants:
            yield Fault(f"/shadow/{place}/key", f"{shadow.key!r} is already the key of a variant")


def _repeated(names: Sequence[str], where: str, field: str) -> Iterator[Fault]:
    seen: Counter[str] = Counter()
    for place, name in enumerate(names):
        seen[name] += 1
        if seen[name] == 2:
            yield Fault(f"{where}/{place}/{field}", f"{name!r} is used twice")


def shares_sum_to_one(definition: Definition) -> Iterator[Fault]:
    """Every unit has exactly one variant."""
    total = sum(variant.share for variant in definition.variants)
    if abs(total - 1.0) > SHARE_TOLERANCE:
        yield Fault("/variants", f"the shares sum to {total:.10g}; they must sum to 1")


def control_exists(definition: Definition) -> Iterator[Fault]:
    """Readouts compare with a variant or an arm that is there."""
    known = {variant.key for variant in definition.variants} | {arm.key for arm in definition.arms_with_nothing}
    if definition.control is not None and definition.control not in known:
        yield Fault("/control", f"{definition.control!r} is neither a variant nor an arm")


def context_names_are_unique(definition: Definition) -> Iterator[Fault]:
    """A feature has one type."""
    context = definition.context
    yield from _twice([*context.numeric], "/context/numeric")
    yield from _twice([*context.categorical], "/context/categorical")
    for place, name in enumerate(context.categorical):
        if name in context.numeric:
            yield Fault(f"/context/categorical/{place}", f"{name!r} is also numeric; a feature has one type")


def _twice(names: Sequence[str], where: str) -> Iterator[Fault]:
    for place, name in enumerate(names):
        if name in names[:place]:
            yield Fault(f"{where}/{place}", f"{name!r} is listed twice")


def layer_fits(definition: Definition) -> Iterator[Fault]:
    """A layer has room for 1. Whether others are in the way is asked when the experiment is stored."""
    layer = definition.layer
    if layer is not None and layer.offset is not None and layer.offset + layer.share > 1.0 + SHARE_TOLERANCE:
        yield Fault("/layer/offset", f"offset + share is {layer.offset + layer.share:g}; a layer ends at 1")


def rules_compile(definition: Definition) -> Iterator[Fault]:
    """The experiment's rule and the arms' own."""
    yield from _rule_faults(definition.eligible, "/eligible")
    for place, arm in enumerate(definition.arms):
        yield from _rule_faults(arm.eligible, f"/arms/{place}/eligible")


def _rule_faults(rule: Rule, where: str) -> Iterator[Fault]:
    try:
        compile_rule(rule)
    except RuleError as error:
        for pointer, sentence in error.faults.items():
            yield Fault(f"{where}{pointer}", sentence)
