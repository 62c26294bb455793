"""Learned policies as snapshots: sealed by the worker, opened by whoever decides or verifies."""

from dataclasses import asdict
from typing import Any

from bandit.errors import SnapshotError
from bandit.history import FEATURES, VERSION
from bandit.policies import restore
from bandit.policy import Policy
from bandit.rounds import FeatureSpec, PolicySpec
from bandit.snapshots import Snapshot, open_snapshot, seal

KIND = "policy"


def seal_policy(policy: Policy, made_of: tuple[PolicySpec, FeatureSpec], parent: str | None, through: int) -> bytes:
    """The bytes to store; `through` is the joiner's number of the last round learned."""
    spec, features = made_of
    described = _described(spec, features)
    snapshot = Snapshot(KIND, described, features.version, policy.to_bytes(), parent, through, policy.rows_seen)
    return seal(snapshot)


def open_policy(spec: PolicySpec, features: FeatureSpec, body: bytes, sha256: str) -> Policy:
    """The policy of stored bytes. Raises SnapshotError where they were altered or made from another specification."""
    snapshot = open_snapshot(body, sha256)
    if snapshot.kind != KIND or dict(snapshot.spec) != _described(spec, features):
        raise SnapshotError("the snapshot was made from another specification")
    return restore(spec, features, snapshot.payload)


def _described(spec: PolicySpec, features: FeatureSpec) -> dict[str, Any]:
    listed = {"numeric": list(features.numeric), "categorical": list(features.categorical)}
    described = {"policy": asdict(spec), "features": {**asdict(features), **listed}}
    # Learned from features of the history: of use only where they still mean the same.
    return described if FEATURES.keys().isdisjoint(features.numeric) else {**described, "history": VERSION}
