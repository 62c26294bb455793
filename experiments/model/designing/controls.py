"""What the others are compared with, and which variants draw without looking."""

from experiments.model.designing.definition import Definition
from experiments.model.designing.guardrails import control_variant, fixed_arm

HOLDOUT = "holdout"


def control_of(definition: Definition) -> str:
    """The variant that `control` names, or that plays the arm which it names; else a holdout; else the first."""
    keys = [variant.key for variant in definition.variants]
    played = next(
        (key for key in keys if definition.control and fixed_arm(definition, key) == definition.control), None
    )
    named = HOLDOUT if HOLDOUT in keys else keys[0]
    return played or control_variant(definition) or named


def draws_blindly(definition: Definition, variant: str) -> bool:
    """Whether units with an arm of the variant differ from its other units by chance alone.

    A learned policy's do not, even where it reads no context: its probabilities move with time.
    """
    kinds = [one.policy.kind for one in definition.variants if one.key == variant]
    blind = any(not kind.reads_context and not kind.learned for kind in kinds)
    return blind and not any(arm.eligible for arm in definition.arms)


def arms_by_event_type(definition: Definition) -> dict[str, list[str]]:
    """Event type → keys of its arms."""
    found: dict[str, list[str]] = {}
    for arm in definition.arms:
        if arm.event_type:
            found.setdefault(arm.event_type, []).append(arm.key)
    return found
