"""The first reading of a log: counts that everything else needs, and every fault of its rows."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bandit.rounds import Arm
from offline_eval.logs.batch import Categorical, Floats
from offline_eval.logs.decoded import Decoded, crossed, decode, hash_texts, hashes, unit_hash
from offline_eval.logs.eligibility import eligible_sets, members
from offline_eval.logs.errors import Fault
from offline_eval.logs.objective import with_money
from offline_eval.logs.sources import Source
from offline_eval.logs.spec import LogSpec

FAULTS_KEPT = 20
DUPLICATES_CHECKED = 20_000_000
"""Rows beyond which keeping every (unit, time) in memory is not worth the check."""


@dataclass
class Scan:
    """Mergeable counts over some rows of a log; `+` joins two readings in their order.

    Attributes:
        units: hashes of the units of each batch, each once. beyond_share: outcomes with a value other than 0 and 1.
    """

    n: int = 0
    arms: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    eligible: set[str] = field(default_factory=set)
    shares: Counter[tuple[str, str]] = field(default_factory=Counter)
    lowest: float = np.inf
    highest: float = -np.inf
    earliest: float = np.inf
    latest: float = -np.inf
    moments: list[NDArray[np.uint64]] = field(default_factory=list)
    units: list[NDArray[np.uint64]] = field(default_factory=list)
    beyond_share: set[str] = field(default_factory=set)
    segments: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    def __add__(self, later: "Scan") -> "Scan":
        return Scan(
            self.n + later.n,
            self.arms + later.arms,
            later.first | self.first,
            self.eligible | later.eligible,
            self.shares + later.shares,
            min(self.lowest, later.lowest),
            max(self.highest, later.highest),
            min(self.earliest, later.earliest),
            max(self.latest, later.latest),
            self.moments + later.moments,
            self.units + later.units,
            self.beyond_share | later.beyond_share,
            self.segments + later.segments,
            self.missing + later.missing,
            (self.faults + later.faults)[:FAULTS_KEPT],
        )


def scan_part(spec: LogSpec, source: Source) -> Scan:
    """Read some rows once."""
    total = Scan()
    for batch in source.batches(list(spec.columns())):
        total += scan_batch(spec, batch, source.first_row + total.n)
    return total


def scan_batch(spec: LogSpec, batch: pa.RecordBatch, first_row: int) -> Scan:
    """The counts and faults of one batch."""
    decoded = decode(spec, batch, first_row)
    scan = Scan(n=len(decoded), faults=decoded.faults)
    if len(decoded):
        _count_arms(spec, batch, decoded, scan)
        _see_rewards(spec, decoded, scan)
        _see_moments(spec, decoded, scan)
        _count_segments(spec, decoded, scan)
        scan.missing.update({name: int(np.isnan(values).sum()) for name, values in decoded.outcomes.items()})
        scan.beyond_share = {name for name, values in decoded.outcomes.items() if not _zero_or_one(values)}
    return scan


def _zero_or_one(values: Floats) -> bool:
    return bool(((values == 0) | (values == 1) | np.isnan(values)).all())


def _count_segments(spec: LogSpec, decoded: Decoded, scan: Scan) -> None:
    if spec.segments:
        found = crossed([decoded.categorical[name] for name in spec.segments])
        scan.segments.update(dict(zip(found.values, np.bincount(found.codes).tolist(), strict=True)))


def _count_arms(spec: LogSpec, batch: pa.RecordBatch, decoded: Decoded, scan: Scan) -> None:
    codes, values = decoded.arm.codes, decoded.arm.values
    present = codes[codes >= 0]
    scan.arms.update(dict(zip(values, np.bincount(present, minlength=len(values)).tolist(), strict=True)))
    for code in np.unique(present).tolist():
        scan.first[values[code]] = decoded.first_row + int(np.argmax(codes == code))
    if spec.closed:
        _refuse_unknown(spec, decoded)
    if spec.eligible:
        sets = eligible_sets(batch.column(spec.eligible))
        scan.eligible.update(name for value in sets.values for name in members(value))
        _refuse_ineligible(spec, decoded, sets)
    if spec.propensity.within is not None:
        strata = crossed([decoded.categorical[name] for name in spec.strata]) if spec.strata else None
        _count_shares(decoded, strata, scan)


def _count_shares(decoded: Decoded, strata: Categorical | None, scan: Scan) -> None:
    arms, names = decoded.arm, strata.values if strata else ("",)
    code = (strata.codes if strata else 0) * len(arms.values) + arms.codes
    counts = np.bincount(code[arms.codes >= 0], minlength=len(names) * len(arms.values))
    for place in np.flatnonzero(counts).tolist():
        stratum, arm = divmod(place, len(arms.values))
        scan.shares[names[stratum], arms.values[arm]] += int(counts[place])


def _refuse_unknown(spec: LogSpec, decoded: Decoded) -> None:
    known = {*(arm.key for arm in spec.arms), spec.control}
    for code, value in enumerate(decoded.arm.values):
        if value not in known:
            remedy = f"Correct the value or add it to [[arms]]; known: {', '.join(sorted(known - {''}))}"
            problem = f"the arm '{value}' is not known to the spec"
            decoded.refuse(decoded.arm.codes == code, "|".join(spec.arm), problem, remedy)


def _refuse_ineligible(spec: LogSpec, decoded: Decoded, sets: Categorical) -> None:
    allowed = [set(members(value)) for value in sets.values]
    inside = np.ones((len(sets.values) + 1, len(decoded.arm.values) + 1), dtype=np.bool_)
    for row, names in enumerate(allowed):
        inside[row, :-1] = [value in names for value in decoded.arm.values]
    bad = ~inside[sets.codes, decoded.arm.codes]
    remedy = "Eligible arms are those left before anything was drawn: add it there or correct the arm"
    decoded.refuse(bad, "|".join(spec.arm), f"the arm is not among the row's own '{spec.eligible}'", remedy)


def rewards(spec: LogSpec, decoded: Decoded) -> Floats:
    """The objective of every row, shape (n,)."""
    metric = spec.objective.maximise
    if metric in spec.outcomes:
        return decoded.outcomes[metric]
    described = {arm.key: arm for arm in spec.arms}
    arms = [described.get(key) or Arm(key) for key in (*decoded.arm.values, "")]
    return with_money(spec, arms, decoded.arm.codes, decoded.outcomes)[metric]


def _see_rewards(spec: LogSpec, decoded: Decoded, scan: Scan) -> None:
    reward = rewards(spec, decoded)
    finite = reward[np.isfinite(reward)]
    if len(finite):
        scan.lowest, scan.highest = float(finite.min()), float(finite.max())
    if spec.objective.range:
        low, high = spec.objective.range
        remedy = "Correct the outcome or widen objective.range, which intervals rely on"
        problem = f"the objective lies outside [{low:g}, {high:g}]"
        decoded.refuse((reward < low) | (reward > high), objective_column(spec), problem, remedy)


def objective_column(spec: LogSpec) -> str:
    """The column that a fault of the objective is reported on."""
    return spec.outcomes.get(spec.objective.maximise) or spec.outcomes["revenue"]


def _see_moments(spec: LogSpec, decoded: Decoded, scan: Scan) -> None:
    if decoded.time is not None and np.isfinite(decoded.time).any():
        scan.earliest, scan.latest = float(np.nanmin(decoded.time)), float(np.nanmax(decoded.time))
    if decoded.unit is None or decoded.first_row >= DUPLICATES_CHECKED:
        return
    key = unit_hash(decoded)
    scan.units.append(np.unique(key))
    if decoded.time is not None:
        key = key * np.uint64(0x9E3779B97F4A7C15) ^ hashes(decoded.time)
    if spec.position:
        slots = decoded.categorical[spec.position]
        key = key * np.uint64(0x9E3779B97F4A7C15) + np.append(hash_texts(slots.values), np.uint64(0))[slots.codes]
    scan.moments.append(key)
