"""Which arms could have been drawn in a row, and how much of that a log knows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline_eval.logs.batch import LogBatch
from offline_eval.logs.log import Log

Mask = NDArray[np.bool_]
Group = tuple[int, ...]
"""Arms that are read together, as indices; nearly always one."""

CERTAIN = 1 - 1e-9
"""Drawn with this probability or more, nothing else could have been drawn."""

LEAST_FITTED = 1e-3
"""A fitted probability below this is no support: the model has never seen the like."""


def drawn(rows: LogBatch, group: Group) -> Mask:
    """(n,) where one of these arms was drawn."""
    return np.asarray(rows.arm == group[0] if len(group) == 1 else np.isin(rows.arm, group))


@dataclass(frozen=True)
class Support:
    """How a log tells what could have been drawn.

    Attributes:
        probabilities: every row's probabilities of all arms can be had: they come from the draw's own rule, from
            strata, from a fit, or are logged.
        known: whether it is known of every row which arms could have been drawn. Otherwise only that the drawn one
            could, and that nothing else could where it was certain.
        fitted: probabilities are a model's.
    """

    probabilities: bool
    known: bool
    fitted: bool = False

    @classmethod
    def of(cls, log: Log) -> "Support":
        """What the spec says; of two arms, the drawn one's probability says all."""
        spec = log.spec
        logged = spec.propensity.column is not None
        listed = bool(spec.pmf)
        known = not logged or listed or bool(spec.eligible) or len(log.arms) == 2
        return cls(not logged or listed, known, spec.propensity.estimate)

    def could(self, rows: LogBatch, group: Group) -> Mask:
        """(n,) where one of these arms could have been drawn; everywhere, as far as is known, where nothing is."""
        arms, found = list(group), np.ones(len(rows), dtype=np.bool_)
        if rows.eligible is not None:
            found &= rows.eligible[:, arms].any(axis=1)
        if rows.pmf is not None:
            return np.asarray(found & (rows.pmf[:, arms] > (LEAST_FITTED if self.fitted else 0.0)).any(axis=1))
        return np.asarray(found & ((rows.propensity < CERTAIN) | drawn(rows, group)))

    def common(self, rows: LogBatch, one: Group, other: Group) -> Mask:
        """(n,) where both could have been drawn; with nothing as `other`, where the one could."""
        return np.asarray(self.could(rows, one) & self.could(rows, other)) if other else self.could(rows, one)

    def chance(self, rows: LogBatch, group: Group) -> NDArray[np.float64]:
        """(n,) probability with which one of these arms was drawn, right where one of them was."""
        if len(group) == 1:
            return rows.propensity
        if rows.pmf is None:
            raise ValueError("the chance of several arms together needs the probabilities of all")
        return np.asarray(rows.pmf[:, list(group)].sum(axis=1))
