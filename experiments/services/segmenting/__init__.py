"""Ways to put units into groups. A new kind of segment is one file and one line in SEGMENTERS."""

from experiments.services.segmenting.external import External
from experiments.services.segmenting.inactivity import Inactivity
from experiments.services.segmenting.lapsed import Lapsed
from experiments.services.segmenting.never_returned import NeverReturned
from experiments.services.segmenting.rule import Rules
from experiments.services.segmenting.segmenter import Assigned, Segmenter

__all__ = ["SEGMENTERS", "Assigned", "Segmenter"]

SEGMENTERS: dict[str, type[Segmenter]] = {
    "inactivity": Inactivity,
    "lapsed": Lapsed,
    "never_returned": NeverReturned,
    "rule": Rules,
    "external": External,
}
