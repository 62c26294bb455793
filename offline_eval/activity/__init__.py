"""Who is still active? Models of returning customers, and how well they are calibrated.

A new model is one file and one line in ACTIVITY_MODELS.
"""

from offline_eval.activity.bg_nbd import BgNbd
from offline_eval.activity.errors import HistoryError
from offline_eval.activity.histories import Histories, Visits, visits_of
from offline_eval.activity.lapsing import Lapsing
from offline_eval.activity.mbg_nbd import MbgNbd
from offline_eval.activity.model import ActivityModel

__all__ = ["ACTIVITY_MODELS", "DEFAULT_MODEL", "ActivityModel", "Histories", "HistoryError", "Visits", "visits_of"]

ACTIVITY_MODELS: dict[str, type[ActivityModel]] = {
    "bg_nbd": BgNbd,
    "mbg_nbd": MbgNbd,
    "lapsing": Lapsing,
}

DEFAULT_MODEL = "lapsing"
"""The best calibrated on a split inside CDNOW's first 39 weeks (docs/results/cdnow.md)."""
