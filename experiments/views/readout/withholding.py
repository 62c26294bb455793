"""Why a number of an experiment has no interval, in the experiment's own words."""

from typing import Any

from experiments.model.designing.kinds import CAPPED_METRICS
from experiments.views.readout.bounds import Bounds
from offline_eval.ab.bucketed import Linearised, linearised_mean, withheld
from offline_eval.ab.limits import REMEDY

Document = dict[str, Any]

TWINS = CAPPED_METRICS | {"roi": "capped_net_value", "incremental_roi": "capped.incremental_roi"}
"""Metric or ratio → what says the same of revenue up to the cap."""

STATE_A_CAP = "state cap_revenue, which opens a new revision, and {} will have bounds there"


def worded(note: str, metric: str, bounds: Bounds) -> str:
    """The note with what is to be done about it in this experiment: of a metric without a capped twin, nothing."""
    twin = TWINS.get(metric)
    if twin is None:
        return note.replace(f"; {REMEDY}", "")
    return note.replace(REMEDY, f"read {twin}" if bounds.caps else STATE_A_CAP.format(twin))


def noted(document: Document, metric: str, bounds: Bounds) -> Document:
    """The JSON form of a contrast or ratio, its note in the experiment's words."""
    return {**document, "note": worded(document["note"], metric, bounds)} if document.get("note") else document


def mean_document(group: Linearised, metric: str, bounds: Bounds) -> Document:
    """A group's own mean; beside bounds that are missing, `note` says why."""
    document: Document = linearised_mean(group).as_dict()
    if document["lower"] is not None:
        return document
    return document | {"note": worded(withheld(group), metric, bounds)}
