"""When the form asks for a cap on revenue."""

from dashboard.designer.document import Json
from experiments.model.designing.kinds import CAPPED_METRICS


def speaks_of_money(document: Json) -> bool:
    """Whether revenue or net value is aimed at or guarded, or a cap is stated."""
    judged = [document["objective"]["maximise"], *(rule.get("metric") for rule in document.get("guardrails", []))]
    return document.get("cap_revenue") is not None or any(name in CAPPED_METRICS for name in judged)


def begins_to_need_cap(before: Json, after: Json) -> bool:
    """Whether an edit made it be about money: then a cap is proposed, once, so that clearing the field clears it."""
    return speaks_of_money(after) and not speaks_of_money(before) and after.get("cap_revenue") is None
