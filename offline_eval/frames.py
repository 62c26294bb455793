"""Results as pandas frames: one line for each number that a replay or a readout tells."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Json = Mapping[str, Any]
Line = dict[str, Any]

ESTIMATE = ("value", "lower", "upper", "n", "effective_n", "method", "alpha")


def to_pandas(document: Json) -> "pd.DataFrame":
    """A replay's result: a line for each policy and estimator. A readout's (of a log, or of an experiment as the
    service answers it): a line for each arm or variant, control and metric.

    `value` … `alpha` are the estimate; `versus_*` the difference from the logging policy; `lift_*` and `relative_*`
    the difference from the control. Raises ValueError where the document is neither.
    """
    import pandas as pd  # slow to import, and only who wants a frame should wait for it

    return pd.DataFrame(lines_of(document))


def lines_of(document: Json) -> list[Line]:
    """The lines of `to_pandas`, None where there is no number."""
    if "policies" in document:
        return list(_policies(document))
    if "variants" in document:
        return list(_variants(document))
    if "arms" in document:
        return list(_arms(document))
    raise ValueError("neither a replay's result nor a readout: it has no policies, variants or arms")


def segments_to_pandas(document: Json) -> "pd.DataFrame":
    """The same by segment: a line for each column, value and policy (of a replay) or arm (of a log's readout)."""
    import pandas as pd

    of_replay = "policies" in document
    return pd.DataFrame(list(_segments_of_policies(document) if of_replay else _segments_of_arms(document)))


def _policies(document: Json) -> Iterator[Line]:
    for policy, found in document["policies"].items():
        for estimator, estimate in found["estimates"].items():
            versus = _named("versus", found["versus_logging"][estimator])
            told = {"verdict": found["verdict"], "reason": found["reason"]}
            yield {"policy": policy, "estimator": estimator, **_whole(estimate), **versus, **told}


def _arms(document: Json) -> Iterator[Line]:
    for arm, found in document["arms"].items():
        for metric, estimate in found["metrics"].items():
            contrast = found.get("lift", {}).get(metric)
            yield {"arm": arm, "control": document["control"], "metric": metric, **_whole(estimate), **_lift(contrast)}


def _variants(document: Json) -> Iterator[Line]:
    for variant, found in document["variants"].items():
        controls = list(found["versus"]) or [document["control"]]
        for control in controls:
            for metric, estimate in found["metrics"].items():
                contrast = found["versus"].get(control, {}).get(metric)
                yield {"variant": variant, "control": control, "metric": metric, **_whole(estimate), **_lift(contrast)}


def _segments_of_policies(document: Json) -> Iterator[Line]:
    for column, values in document.get("segments", {}).items():
        for value, found in values.items():
            for policy, each in found["policies"].items():
                adjusted = _named("adjusted", each.get("adjusted"), ("lower", "upper"))
                numbers = {**_whole(each["value"]), **_named("versus", each["versus_logging"]), **adjusted}
                told = {"differs": each.get("differs"), "reason": each["reason"]}
                yield {"column": column, "segment": value, "policy": policy, **numbers, **told}


def _segments_of_arms(document: Json) -> Iterator[Line]:
    for column, found in document.get("segments", {}).items():
        for value, contrasts in found.get("lift", {}).items():
            for arm, contrast in contrasts.items():
                yield {"column": column, "segment": value, "arm": arm, **_lift(contrast)}


def _whole(estimate: Json | None) -> Line:
    return {name: None if estimate is None else estimate[name] for name in ESTIMATE}


def _named(prefix: str, estimate: Json | None, names: tuple[str, ...] = ("value", "lower", "upper")) -> Line:
    return {f"{prefix}_{name}": None if estimate is None else estimate[name] for name in names}


def _lift(contrast: Json | None) -> Line:
    found = contrast or {}
    numbers = {**_named("lift", found.get("absolute")), **_named("relative", found.get("relative"))}
    return numbers | {"p_value": found.get("p_value"), "p_adjusted": found.get("p_adjusted")}
