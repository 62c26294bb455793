"""What arms of adaptive variants are contrasted in."""

from collections.abc import Mapping

from experiments.model.designing.definition import Definition
from experiments.model.designing.kinds import CAPPED_METRICS

ALWAYS = ("reengagement", "revenue", "net_value")
METRICS = 12
"""Arms are contrasted in at most so many metrics."""


def cell_metrics(definitions: Mapping[int, Definition]) -> list[str]:
    """What arms are contrasted in, by place: each revision's objective, capped money where it has a cap, own metrics,
    those of ALWAYS, guardrails'.

    Revisions are only ever added, so that a metric never moves.
    """
    names: dict[str, None] = {}
    for number in sorted(definitions):
        one = definitions[number]
        guarded = [rule.metric for rule in one.guardrails if rule.on == "arm"]
        capped = [] if one.cap_revenue is None else list(CAPPED_METRICS.values())
        own = [metric.name for metric in one.metrics]
        names |= dict.fromkeys([one.objective.maximise, *capped, *own, *ALWAYS, *guarded])
    return list(names)[:METRICS]
