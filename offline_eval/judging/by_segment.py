"""What policies are worth in each segment: a pass of its own over the log, by the estimator that is shown first."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline_eval.candidates.candidate import Candidate
from offline_eval.candidates.training import judged
from offline_eval.engine import merged_by
from offline_eval.estimate import Estimate
from offline_eval.judging.claim import Claim
from offline_eval.judging.gathering import rows_of
from offline_eval.judging.results import headline
from offline_eval.judging.setting import MOST_SEGMENTS, OTHER, Setting, ope_batch, view
from offline_eval.judging.unsaid import unsaid
from offline_eval.logs.batch import MISSING, Categorical
from offline_eval.logs.decoding import texts
from offline_eval.logs.log import Log
from offline_eval.ope.batch import Batch
from offline_eval.ope.diagnostics import Layout, Tallies, tally
from offline_eval.ope.difference import Joint, gather_joint
from offline_eval.ope.evaluate import known_of
from offline_eval.ope.findings import findings_of
from offline_eval.ope.gather import Statistics, gather
from offline_eval.ope.verdict import TOO_MUCH_MISSING, judge

Cell = tuple[str, str, str]
"""(column, value, policy)."""


@dataclass(frozen=True)
class Part:
    """Statistics of one policy in one segment; `logging` jointly with the logging policy on the same rows."""

    own: Statistics
    reference: Statistics
    logging: Joint | None
    tallies: Tallies

    def __add__(self, later: "Part") -> "Part":
        joint = merged_by(add)(self.logging, later.logging)
        return Part(self.own + later.own, self.reference + later.reference, joint, self.tallies + later.tallies)


@dataclass(frozen=True)
class SegmentGatherer:
    """Callable on a part of the log; `candidates[0]` is the logging policy, `values` the segments told apart."""

    candidates: tuple[Candidate, ...]
    setting: Setting
    values: Mapping[str, Sequence[str]]

    def __call__(self, part: Log) -> dict[Cell, Part]:
        """Statistics by (column, value, policy)."""
        total: dict[Cell, Part] = {}
        for rows in part.batches(pmf=self.setting.full):
            seen = view(rows, self.setting)
            late = judged(rows, self.setting.split, trained=True)
            logging = ope_batch(seen, self.candidates[0], self.setting)
            for candidate in self.candidates:
                kept = late if candidate.trained and late is not None else np.ones(len(rows), dtype=np.bool_)
                # Without the whole pmf nobody could tell what a policy would do and the log never tried.
                batch = replace(ope_batch(seen, candidate, self.setting), target=candidate.target(rows))
                for cell, mask in self._masks(rows.segments, kept):
                    found = self._part(rows_of(batch, mask), rows_of(logging, mask), candidate is self.candidates[0])
                    total = merge_parts(total, {(*cell, candidate.name): found})
        return total

    def _masks(
        self, columns: Mapping[str, Categorical], kept: NDArray[np.bool_]
    ) -> Iterator[tuple[tuple[str, str], NDArray[np.bool_]]]:
        for name, values in self.values.items():
            place = {value: index for index, value in enumerate(values)}
            last = len(values) - 1
            column = columns[name]
            code = np.array([*(place.get(v, last) for v in column.values), place.get(MISSING, last)])[column.codes]
            for index, value in enumerate(values):
                mask = kept & (code == index)
                if mask.any():
                    yield (name, value), mask

    def _part(self, batch: Batch, logging: Batch, same: bool) -> Part:
        plan = self.setting.plan
        own = gather(batch, plan)
        reference = own if same else gather(logging, plan)
        joint = None if same else gather_joint(batch, logging, plan)
        return Part(own, reference, joint, tally(replace(batch, segment=None, period=None), Layout(self.setting.arms)))


def merge_parts(left: dict[Cell, Part], right: dict[Cell, Part]) -> dict[Cell, Part]:
    """Cell by cell."""
    return left | {cell: left[cell] + part if cell in left else part for cell, part in right.items()}


def segment_values(log: Log) -> dict[str, tuple[str, ...]]:
    """Each segment column's most frequent values, the last of MOST_SEGMENTS standing for the rest."""
    columns = list(log.spec.segments)
    counts: dict[str, Counter[str]] = {name: Counter() for name in columns}
    for raw in log.source.batches(columns):
        for name in columns:
            found = texts(raw.column(name))
            sizes = np.bincount(found.codes + 1, minlength=len(found.values) + 1).tolist()
            counts[name].update(dict(zip((MISSING, *found.values), sizes, strict=True)))
    return {name: _most(count) for name, count in counts.items()}


def _most(count: Counter[str]) -> tuple[str, ...]:
    names = [name for name, rows in count.most_common() if rows]
    return tuple(names) if len(names) <= MOST_SEGMENTS else (*names[: MOST_SEGMENTS - 1], OTHER)


def segments_result(
    found: Mapping[Cell, Part], values: Mapping[str, Sequence[str]], candidates: Sequence[Candidate], setting: Setting
) -> dict[str, Any]:
    """{column: {value: {"n", "policies": {NAME: {n, value, versus_logging, adjusted, differs, reason}}}}}.

    `value` and `versus_logging` are EST by the estimator shown first; `adjusted` bounds the difference from logging
    at alpha divided by the number of all such differences shown (Bonferroni), and `differs` is said by these alone.
    Where more than a fifth of what a policy would do was never tried in the segment there is no number, and `reason`
    says so.
    """
    names = [candidate.name for candidate in candidates]
    cells = {cell: _Cell.of(part, cell[2] != names[0], setting) for cell, part in found.items()}
    compared = sum(each.compared for each in cells.values())
    return {
        column: {
            value: {
                "n": found[column, value, names[0]].own.weights.n,
                "policies": {
                    name: cells[column, value, name].document(compared)
                    for name in names
                    if (column, value, name) in cells
                },
            }
            for value in shown
            if (column, value, names[0]) in found
        }
        for column, shown in values.items()
    }


@dataclass(frozen=True)
class _Cell:
    part: Part
    setting: Setting
    estimator: str
    reason: str
    tried: bool
    compared: bool

    @classmethod
    def of(cls, part: Part, other: bool, setting: Setting) -> "_Cell":
        estimator = headline(setting.plan.estimators)
        known = known_of(part.own, setting.bounds)
        findings = findings_of(part.tallies, part.own.weights, known)
        tried = part.own.weights.positive > 0 and findings.unsupported_share <= TOO_MUCH_MISSING
        cell = cls(part, setting, estimator, "", tried, tried and other)
        more = unsaid(cell.value, cell.versus, known, anytime=setting.claim.anytime, moving=setting.moving)
        verdict = judge(findings, known, cell.value, more=more)
        return cell if verdict.word == "trust" else replace(cell, reason=verdict.reason)

    @cached_property
    def value(self) -> Estimate:
        """None where it was not tried."""
        if self.tried:
            return self.setting.claim.value(self.estimator, self.part.own, self.setting.bounds)
        n, name = self.part.own.weights.n, f"{self.estimator}+no_support"
        return Estimate(None, None, None, n, 0.0, name, self.setting.claim.alpha)

    @cached_property
    def versus(self) -> Estimate:
        """Less what the log earned there."""
        return self._versus(self.setting.claim)

    def document(self, comparisons: int) -> dict[str, Any]:
        """JSON's types."""
        claim, n = self.setting.claim, self.part.own.weights.n
        document: dict[str, Any] = {"n": n, "value": self.value.as_dict(), "versus_logging": self.versus.as_dict()}
        document["reason"] = self.reason
        if self.compared:
            adjusted = self._versus(replace(claim, alpha=claim.alpha / comparisons))
            document["adjusted"] = {"lower": adjusted.lower, "upper": adjusted.upper, "comparisons": comparisons}
            document["differs"] = bool((adjusted.lower or 0.0) > 0.0 or (adjusted.upper or 0.0) < 0.0)
        return document

    def _versus(self, claim: Claim) -> Estimate:
        part = self.part
        if not self.tried:
            return self.value
        return claim.difference(self.estimator, part.logging, (part.own, part.reference), self.setting.bounds)
