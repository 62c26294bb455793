"""The map of the map-and-merge: a part of the log → mergeable statistics of every candidate."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from operator import add
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from offline_eval.candidates.candidate import Candidate
from offline_eval.candidates.errors import PolicyFaultsError
from offline_eval.candidates.training import judged
from offline_eval.engine import merged_by
from offline_eval.judging.setting import Setting, View, ope_batch, view
from offline_eval.logs.log import Log
from offline_eval.models.crossfit import fold_of
from offline_eval.ope.batch import Batch
from offline_eval.ope.diagnostics import Tallies, tally
from offline_eval.ope.difference import Joint, gather_joint
from offline_eval.ope.gather import Statistics, gather

Mask: TypeAlias = NDArray[np.bool_]

Answer: TypeAlias = tuple[Batch, Mask | None]
"""The rows seen from a candidate, and where the arm it wanted was not eligible."""

SELECTION_SALT = 11
"""Units are halved into those that choose the winner and those that confirm it, unrelated to any other division."""


@dataclass(frozen=True)
class Gathered:
    """Statistics of one candidate; None where no row fell into the group.

    Attributes:
        before: rows before the split, which trained candidates are not judged on.
        choose, confirm: the two halves of all other rows.
        logging: jointly with the logging policy, all rows it is judged on.
        reference_choose, reference_confirm: jointly with the best fixed arm, in each half.
        fallback: rows where the arm it wanted was not eligible. rows: all rows it is judged on.
        faults: why its answers make no sense; with any it is not judged.
    """

    before: Statistics | None = None
    choose: Statistics | None = None
    confirm: Statistics | None = None
    logging: Joint | None = None
    reference_choose: Joint | None = None
    reference_confirm: Joint | None = None
    tallies: Tallies | None = None
    fallback: int = 0
    rows: int = 0
    faults: tuple[str, ...] = ()

    def __add__(self, later: "Gathered") -> "Gathered":
        merge = merged_by(add)
        parts: dict[str, Any] = {f.name: merge(getattr(self, f.name), getattr(later, f.name)) for f in fields(self)}
        return Gathered(**parts)

    @property
    def judged(self) -> Statistics | None:
        """The rows on which all candidates can be compared."""
        return merged_by(add)(self.choose, self.confirm)

    @property
    def whole(self) -> Statistics | None:
        """Everything the candidate is judged on."""
        return merged_by(add)(self.before, self.judged)


@dataclass(frozen=True)
class Gatherer:
    """Callable on a part of the log; travels to other processes. `candidates[0]` is the logging policy."""

    candidates: tuple[Candidate, ...]
    setting: Setting

    def __call__(self, part: Log) -> dict[str, Gathered]:
        """Statistics by candidate."""
        total: dict[str, Gathered] = {}
        for rows in part.batches(pmf=self.setting.full):
            seen = view(rows, self.setting)
            held_out = judged(rows, self.setting.split, trained=True)
            if held_out is None:
                total = merge_gathered(total, self._batch(seen, before=False))
                continue
            for kept, before in ((~held_out, True), (held_out, False)):
                if kept.any():
                    total = merge_gathered(total, self._batch(seen.take(kept), before=before))
        return total

    def _batch(self, seen: View, *, before: bool) -> dict[str, Gathered]:
        total: dict[str, Gathered] = {}
        answers: dict[str, Answer] = {}
        for candidate in self.candidates:
            if before and candidate.trained:
                continue
            try:
                answers[candidate.name] = ope_batch(seen, candidate, self.setting), candidate.fallback(seen.rows)
            except PolicyFaultsError as error:
                total[candidate.name] = Gathered(faults=error.faults)
        return total | self._judged(seen, answers, before=before)

    def _judged(self, seen: View, answers: dict[str, Answer], *, before: bool) -> dict[str, Gathered]:
        confirm = fold_of(seen.rows.unit, 2, SELECTION_SALT) == 1
        reference = None if before or self.setting.reference is None else self.candidates[self.setting.reference].name
        total = {}
        for name, (batch, missed) in answers.items():
            logging = answers[self.candidates[0].name][0]
            one = self._compared(batch, logging, 0 if missed is None else int(missed.sum()))
            if before:
                one = replace(one, before=gather(batch, self.setting.plan))
            else:
                against = None if reference in (None, name) else answers[str(reference)][0]
                one = self._half(
                    self._half(one, "choose", batch, against, ~confirm), "confirm", batch, against, confirm
                )
            total[name] = one
        return total

    def _compared(self, batch: Batch, logging: Batch, fallback: int) -> Gathered:
        joint = None if batch is logging else gather_joint(batch, logging, self.setting.plan)
        return Gathered(logging=joint, tallies=tally(batch, self.setting.layout), fallback=fallback, rows=len(batch))

    def _half(self, one: Gathered, name: str, batch: Batch, against: Batch | None, kept: Mask) -> Gathered:
        if not kept.any():
            return one
        half, plan = rows_of(batch, kept), self.setting.plan
        parts: dict[str, Any] = {name: gather(half, plan)}
        if against is not None:
            parts[f"reference_{name}"] = gather_joint(half, rows_of(against, kept), plan)
        return replace(one, **parts)


def rows_of(batch: Batch, kept: Mask) -> Batch:
    """The rows where `kept` (n,) holds."""
    columns = {f.name: getattr(batch, f.name) for f in fields(Batch)}
    taken: dict[str, Any] = {
        name: column[kept] if isinstance(column, np.ndarray) and name != "category" else column
        for name, column in columns.items()
    }
    return Batch(**taken)


def merge_gathered(left: dict[str, Gathered], right: dict[str, Gathered]) -> dict[str, Gathered]:
    """Candidate by candidate."""
    merge: Callable[[Gathered | None, Gathered | None], Gathered | None] = merged_by(add)
    merged = {name: merge(left.get(name), right.get(name)) for name in (*left, *(n for n in right if n not in left))}
    return {name: gathered for name, gathered in merged.items() if gathered is not None}
