"""Segments of another targeting system: it says who belongs, by the API or by files."""

from experiments.services.segmenting.segmenter import Segmenter
from experiments.services.segmenting.source import Source


class External(Segmenter):
    """No parameters; a refresh only counts."""

    def assign(self, source: Source) -> None:
        """See Segmenter."""
