"""Policies of `bandit.POLICIES`, trained offline on one part of the log and asked about the other, or played online."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock

import numpy as np

from bandit.policy import Policy
from bandit.rounds import Arm, FeatureSpec, PolicySpec
from offline_eval.candidates.candidate import of_chosen
from offline_eval.candidates.learners import LEARNERS
from offline_eval.candidates.training import Training
from offline_eval.logs.batch import Floats, LogBatch
from offline_eval.logs.log import Log
from offline_eval.logs.rounds import LoggedRow, logged_rows, rounds
from offline_eval.models.crossfit import fold_of

LEARN_AT_ONCE = 1000
PLAY_AT_ONCE = 200

_ONE_AT_A_TIME = Lock()
"""A policy's model is not safe to share between threads, and holds the interpreter lock anyway."""

Step = Callable[[int], None]
"""Told how many more rows were learned."""


@dataclass(frozen=True)
class Learned:
    """A trained policy; one set of bytes for each fold of units, a single one where it was trained before the split."""

    name: str
    spec: PolicySpec
    features: FeatureSpec
    arms: tuple[Arm, ...]
    parts: tuple[bytes, ...]
    trained: bool = True
    _open: dict[int, Policy] = field(default_factory=dict, compare=False, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """A policy cannot travel to another process; its bytes can."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"_open": {}}

    def _part(self, index: int) -> Policy:
        if index not in self._open:
            self._open[index] = LEARNERS[self.spec.name].from_bytes(self.spec, self.features, self.parts[index])
        return self._open[index]

    def target(self, rows: LogBatch) -> Floats:
        """The pmf of the part that did not learn from the row, shape (n, K)."""
        fold = fold_of(rows.unit, len(self.parts))
        target = np.zeros((len(rows), len(self.arms)))
        with _ONE_AT_A_TIME:
            for index in range(len(self.parts)):
                places = np.flatnonzero(fold == index)
                for place, row in zip(places.tolist(), logged_rows(self.arms, rows.take(places)), strict=True):
                    _fill(target[place], self._part(index), row, self.arms)
        return target

    def chosen(self, rows: LogBatch) -> Floats:
        """The logged arms' probabilities, shape (n,)."""
        return of_chosen(self.target(rows), rows)

    def fallback(self, rows: LogBatch) -> None:
        """Never: it chooses among the eligible arms."""


def _fill(target: Floats, policy: Policy, row: LoggedRow, arms: tuple[Arm, ...]) -> None:
    pmf = policy.pmf(row.context, row.arms)
    if len(row.arms) == len(arms):
        target[:] = pmf
    else:
        target[[arms.index(arm) for arm in row.arms]] = pmf


def learn_from(policy: Policy, log: Log, rows: LogBatch, step: Step = lambda _: None) -> Policy:
    """Learn every row once, in order."""
    stream = rounds(log.arms, rows)
    while chunk := list(islice(stream, LEARN_AT_ONCE)):
        policy.learn(chunk)
        step(len(chunk))
    return policy


def train(name: str, spec: PolicySpec, log: Log, training: Training, step: Step = lambda _: None) -> Learned:
    """A policy trained on each part of the log."""
    parts = [
        learn_from(LEARNERS[spec.name].build(spec, log.features), log, rows, step).to_bytes()
        for rows in training.parts()
    ]
    return Learned(name, spec, log.features, log.arms, tuple(parts))


@dataclass(frozen=True)
class Played:
    """A policy that learned as it went: each row's pmf comes from the rows before it alone.

    Judged by progressive validation (Blum, Kalai & Langford 1999; Dudík et al. 2014, section 4.1): what the policy was
    worth while it learned, not what it is worth once it has.
    """

    name: str
    pmf: Floats
    place: dict[int, int] = field(repr=False)
    trained: bool = False

    def target(self, rows: LogBatch) -> Floats:
        """The recorded pmf, shape (n, K)."""
        return np.asarray(self.pmf[[self.place[row] for row in rows.row.tolist()]], dtype=np.float64)

    def chosen(self, rows: LogBatch) -> Floats:
        """The logged arms' probabilities, shape (n,)."""
        return of_chosen(self.target(rows), rows)

    def fallback(self, rows: LogBatch) -> None:
        """Never: it chose among the eligible arms."""


def play(name: str, spec: PolicySpec, log: Log, training: Training, step: Step = lambda _: None) -> Played:
    """Let a policy decide and learn along the log, PLAY_AT_ONCE rows at a time."""
    policy, rows = LEARNERS[spec.name].build(spec, log.features), training.rows
    pmf = np.zeros((len(rows), len(log.arms)))
    for start in range(0, len(rows), PLAY_AT_ONCE):
        chunk = rows.take(slice(start, start + PLAY_AT_ONCE))
        for place, row in enumerate(logged_rows(log.arms, chunk)):
            _fill(pmf[start + place], policy, row, log.arms)
        learn_from(policy, log, chunk)
        step(len(chunk))
    return Played(name, pmf, {row: place for place, row in enumerate(rows.row.tolist())})
