"""What comes back from a replay or a readout: dictionaries of JSON's types that can be frames, and notebooks show.

What makes frames and HTML is imported when it is asked for: it is slow, and most results become JSON.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class Result(dict[str, Any]):
    """A document with two views."""

    def to_pandas(self) -> "pd.DataFrame":
        """A line for each policy and estimator, or for each arm (or variant) and metric; see `offline_eval.frames`."""
        from offline_eval.frames import to_pandas

        return to_pandas(self)

    def segments_to_pandas(self) -> "pd.DataFrame":
        """The same by segment."""
        from offline_eval.frames import segments_to_pandas

        return segments_to_pandas(self)


class ReplayResult(Result):
    """What a replay found."""

    def _repr_html_(self) -> str:
        from offline_eval.notebook import replay_html

        return replay_html(self)


class ReadoutResult(Result):
    """What a readout found: of a log, or of an experiment as the service answers it (`ReadoutResult(document)`)."""

    def _repr_html_(self) -> str:
        from offline_eval.notebook import readout_html

        return readout_html(self)
