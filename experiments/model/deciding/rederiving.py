"""Law 2, checked: a stored decision's draw from its pmf, and its pmf from the snapshot that it names."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from bandit.errors import BanditError, NoEligibleArmError, SnapshotError
from bandit.policies import build
from bandit.policies.listed import Listed
from bandit.policy import Policy
from bandit.rounds import NOTHING, Arm, Pmf
from experiments.model.deciding.decisions import DecisionRow
from experiments.model.deciding.drawing import draw_number, draw_place
from experiments.model.deciding.eligibility import NOTHING_LEFT
from experiments.model.deciding.overrides import applicable, with_weights
from experiments.model.deciding.pricing import priced
from experiments.model.deciding.record import Record, decode_record
from experiments.model.designing.definition import Definition, VariantDefinition
from experiments.model.designing.guardrails import PAUSED
from experiments.model.policy_snapshots import open_policy

TOLERANCE = 1e-6
"""Largest difference of a probability that counts as equal."""

_POLICIES_KEPT = 32
_ARM_SETS_KEPT = 1000
Body = tuple[bytes, str]


@dataclass(frozen=True, slots=True)
class Rederived:
    """What deriving a decision again gave; `reason` where its pmf could not be.

    Attributes:
        draw: the number in [0, 1) that picked the arm; None where nothing was drawn (forced) or all is erased.
        same_draw: whether the stored pmf and the draw give the stored arm with the stored propensity.
        pmf_difference: largest absolute difference of a probability; None where it could not be derived.
    """

    draw: float | None
    same_draw: bool
    pmf_difference: float | None
    erased: bool = False
    reason: str | None = None

    @property
    def same_pmf(self) -> bool:
        """Whether the pmf agrees."""
        return self.erased or (self.pmf_difference is not None and self.pmf_difference <= TOLERANCE)


class Rederiver:
    """Derives decisions of one experiment again.

    Args:
        salt: the experiment's.
        definition_of: the definition of a revision.
        body_of: the stored bytes of a snapshot and their fingerprint, None where there is none of that id.
    """

    def __init__(
        self, salt: bytes, definition_of: Callable[[int], Definition], body_of: Callable[[int], Body | None]
    ) -> None:
        self._salt, self._definition_of, self._body_of = salt, definition_of, body_of
        self._policies: dict[tuple[int, str, int | None], Policy] = {}
        self._arm_sets: dict[tuple[object, ...], tuple[Arm, ...]] = {}

    def check(self, row: DecisionRow) -> Rederived:
        """Derive one decision again."""
        record = decode_record(row.record)
        if record.erased:
            return Rederived(None, same_draw=True, pmf_difference=None, erased=True)
        if row.mode == "forced":
            same = record.eligible == [row.arm] and record.pmf == [1.0] and row.propensity == 1.0
            return Rederived(None, same_draw=same, pmf_difference=0.0)
        u = draw_number(self._salt, row.unit_id, row.epoch, row.attempt)
        place = draw_place(record.pmf, u)
        same = record.eligible[place] == row.arm and record.pmf[place] == row.propensity
        try:
            pmf = self._pmf(row, record)
        except (BanditError, LookupError) as error:
            return Rederived(u, same, None, reason=f"the pmf could not be derived: {error}")
        return Rederived(u, same, max(abs(p - q) for p, q in zip(pmf.tolist(), record.pmf, strict=True)))

    def pmf_under(self, row: DecisionRow, variant: str) -> dict[str, float] | None:
        """What another variant's policy would have drawn from, arm → probability; None where it cannot be told."""
        record = decode_record(row.record)
        if record.erased or row.mode == "forced" or record.policy == PAUSED:
            return None
        try:
            if self._variant(row.revision, variant).policy.kind.named_by_caller:
                return None  # nobody knows whom the caller would have named
            pmf = self._pmf(row._replace(variant=variant, snapshot_id=record.snapshots.get(variant)), record)
        except (BanditError, LookupError):
            return None
        return dict(zip(record.eligible, pmf.tolist(), strict=True))

    def _pmf(self, row: DecisionRow, record: Record) -> Pmf:
        if record.policy == PAUSED:
            return _of_paused(row, record)
        definition = self._definition_of(row.revision)
        if record.policy == NOTHING_LEFT:
            return self._of_nothing_left(row, record, definition)
        arms = self._arms(row.revision, definition, record)
        variant = self._variant(row.revision, row.variant)
        if variant.policy.kind.named_by_caller:
            return Listed.pmf_for(row.arm, arms)
        pmf = self._policy(row, definition, variant).pmf(record.context, arms)
        pmf = priced(pmf, record.eligible, record.shadow_price, record.expected_costs, variant.policy)
        return with_weights(pmf, record.eligible, applicable(record.weights, record.eligible, pmf))

    def _of_nothing_left(self, row: DecisionRow, record: Record, definition: Definition) -> Pmf:
        """`nothing`, where the variant's policy had no arm to give. Raises LookupError where it had one."""
        variant = self._variant(row.revision, row.variant)
        listed = {arm.key for arm in definition.arms}
        left = [key for key in record.eligible if key in listed]
        paused = record.paused.get(row.variant)
        if paused is not None:
            has_arm = paused in left
        elif variant.policy.kind.named_by_caller:
            has_arm = False  # the caller's arm is what limits took away
        else:
            of_left = msgspec.structs.replace(record, eligible=left)
            has_arm = bool(left) and self._gives(row, definition, variant, of_left)
        if has_arm:
            raise LookupError(f"{row.variant} had arms left, but got nothing")
        return np.array([float(key == NOTHING) for key in record.eligible])

    def _gives(self, row: DecisionRow, definition: Definition, variant: VariantDefinition, record: Record) -> bool:
        of_variant = row._replace(snapshot_id=record.snapshots.get(row.variant))
        try:
            policy = self._policy(of_variant, definition, variant)
            policy.pmf(record.context, self._arms(row.revision, definition, record))
        except NoEligibleArmError:
            return False
        return True

    def _variant(self, revision: int, key: str) -> VariantDefinition:
        """Raises LookupError."""
        found = [each for each in self._definition_of(revision).variants if each.key == key]
        return found[0]

    def _arms(self, revision: int, definition: Definition, record: Record) -> tuple[Arm, ...]:
        """The eligible arms; the same objects for the same set, for which policies keep what they have computed."""
        place = (revision, *record.eligible, *record.costs.items())
        if place not in self._arm_sets:
            if len(self._arm_sets) >= _ARM_SETS_KEPT:
                self._arm_sets.clear()
            self._arm_sets[place] = _arms(definition, record)
        return self._arm_sets[place]

    def _policy(self, row: DecisionRow, definition: Definition, variant: VariantDefinition) -> Policy:
        place = (row.revision, row.variant, row.snapshot_id)
        if place not in self._policies:
            if len(self._policies) >= _POLICIES_KEPT:
                self._policies.pop(next(iter(self._policies)))
            self._policies[place] = self._make(row.snapshot_id, definition, variant)
        return self._policies[place]

    def _make(self, snapshot_id: int | None, definition: Definition, variant: VariantDefinition) -> Policy:
        spec, features = variant.policy.as_spec(), definition.context.as_spec()
        if snapshot_id is None:
            return build(spec, features)
        body = self._body_of(snapshot_id)
        if body is None:
            raise SnapshotError(f"snapshot {snapshot_id} is not there")
        return open_policy(spec, features, *body)


def _of_paused(row: DecisionRow, record: Record) -> Pmf:
    """A paused variant leaves one arm, which is then certain. Raises LookupError where the record leaves more."""
    if record.eligible != [record.paused.get(row.variant)]:
        raise LookupError(f"{row.variant} was paused, but {record.eligible} were eligible")
    return np.ones(1)


def _arms(definition: Definition, record: Record) -> tuple[Arm, ...]:
    known = {arm.key: arm.as_arm() for arm in definition.arms_with_nothing}
    arms = (known[key] for key in record.eligible)
    return tuple(replace(arm, reward_cost=record.costs.get(arm.key, arm.reward_cost)) for arm in arms)
