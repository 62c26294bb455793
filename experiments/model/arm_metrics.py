"""What arms of adaptive variants are contrasted in."""

from collections.abc import Mapping

from experiments.model.definition import Definition

ALWAYS = ("reengagement", "revenue", "net_value")
METRICS = 12
"""Arms are contrasted in at most so many metrics."""


def cell_metrics(definitions: Mapping[int, Definition]) -> list[str]:
    """What arms are contrasted in, by place: each revision's objective, own metrics, those of ALWAYS, guardrails'.

    Revisions are only ever added, so that a metric never moves.
    """
    names: dict[str, None] = {}
    for number in sorted(definitions):
        one = definitions[number]
        guarded = [rule.metric for rule in one.guardrails if rule.on == "arm"]
        names |= dict.fromkeys([one.objective.maximise, *(metric.name for metric in one.metrics), *ALWAYS, *guarded])
    return list(names)[:METRICS]
