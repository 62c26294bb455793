"""What a document says of the metrics whose values it holds."""

from collections.abc import Iterable

from experiments.model.designing.definition import Definition
from experiments.model.designing.kinds import METRIC_FACTS


def described(definition: Definition, metrics: Iterable[str]) -> dict[str, dict[str, str]]:
    """Metric → unit, label and better direction, so that no reader has to know metrics by name.

    Those that only an earlier revision defined are left out.
    """
    own = {metric.name: metric.facts for metric in definition.metrics}
    known = METRIC_FACTS | own
    return {name: known[name].as_dict() for name in metrics if name in known}
