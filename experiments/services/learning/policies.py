"""Policies as the worker handles them: from a snapshot's stored bytes, or untrained."""

from sqlmodel import Session

from bandit.errors import SnapshotError
from bandit.policies import build
from bandit.policy import Policy
from bandit.rounds import FeatureSpec, PolicySpec
from experiments.model.designing.definition import PolicyDefinition, ShadowDefinition, VariantDefinition
from experiments.model.policy_snapshots import open_policy
from experiments.store.designing.revisions import RevisionFacts
from experiments.store.learning import StoredSnapshot, stored_snapshot

KEPT = 64


def restored(spec: PolicySpec, features: FeatureSpec, stored: StoredSnapshot | None) -> Policy:
    """The policy as its snapshot says, untrained where there is none. Raises SnapshotError."""
    return build(spec, features) if stored is None else open_policy(spec, features, stored.body, stored.sha256)


class RestoredPolicies:
    """The policies that were asked for last, for reading only."""

    def __init__(self) -> None:
        self._kept: dict[object, Policy] = {}

    def policy(
        self,
        session: Session,
        facts: RevisionFacts,
        variant: VariantDefinition | ShadowDefinition,
        snapshot_id: int | None,
    ) -> Policy:
        """The policy of a variant as it was with this snapshot; one that no longer fits was used untrained."""
        place = (snapshot_id, _text(variant.policy), facts.features)
        if place not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[place] = self._make(session, facts, variant.policy, snapshot_id)
        return self._kept[place]

    @staticmethod
    def _make(session: Session, facts: RevisionFacts, policy: PolicyDefinition, snapshot_id: int | None) -> Policy:
        spec = policy.as_spec()
        try:
            stored = None if snapshot_id is None else stored_snapshot(session.connection(), snapshot_id)
            return restored(spec, facts.features, stored)
        except SnapshotError:
            return build(spec, facts.features)


def _text(policy: PolicyDefinition) -> str:
    return policy.model_dump_json()
