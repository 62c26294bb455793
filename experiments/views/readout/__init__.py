"""The readout of an experiment: one number, one function, whatever the door.

`readout` is the whole document, `headline` its head for lists of experiments; `Question` says of whom and how, `asked`
reads it from query parameters;
`readout_from_rounds` serves the comparisons that sums cannot feed.
"""

from experiments.views.readout.answering import readout
from experiments.views.readout.from_rounds import readout_from_rounds
from experiments.views.readout.headlines import headline
from experiments.views.readout.question import Question, asked

__all__ = ["Question", "asked", "headline", "readout", "readout_from_rounds"]
