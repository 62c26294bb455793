"""Policies in memory: restored from their newest snapshot, or untrained where there is none."""

from collections.abc import Callable

import structlog

from bandit.errors import SnapshotError
from bandit.policies import build
from bandit.policy import Policy
from bandit.rounds import FeatureSpec, PolicySpec
from experiments.model.designing.definition import Definition, PolicyDefinition
from experiments.model.policy_snapshots import open_policy
from experiments.model.tables.workers import Snapshot

_log = structlog.get_logger("winback.deciding")
Made = tuple[Policy, int | None]


class PolicyCache:
    """One policy for each variant of each experiment; a policy is replaced, never changed, while it decides."""

    def __init__(self, read_snapshot: Callable[[int], Snapshot | None]) -> None:
        self._read_snapshot = read_snapshot
        self._kept: dict[tuple[int, str], tuple[object, Made]] = {}

    def policy(
        self, learner: tuple[int, str], definition: Definition, policy: PolicyDefinition, snapshot_id: int | None
    ) -> Made:
        """The policy of (experiment, variant) and the snapshot it really came from (None: it is untrained).

        Raises UnavailableError.
        """
        spec, features = policy.as_spec(), definition.context.as_spec()
        wanted = (snapshot_id, policy.model_dump_json(), features)
        kept = self._kept.get(learner)
        if kept is not None and kept[0] == wanted:
            return kept[1]
        made = self._make(spec, features, snapshot_id)
        self._kept[learner] = (wanted, made)
        return made

    def _make(self, spec: PolicySpec, features: FeatureSpec, snapshot_id: int | None) -> Made:
        snapshot = None if snapshot_id is None else self._read_snapshot(snapshot_id)
        if snapshot is None:
            return build(spec, features), None
        try:
            return open_policy(spec, features, snapshot.body, snapshot.sha256), snapshot_id
        except SnapshotError as error:
            # A snapshot of the revision before, with another policy: until the learner's next one, untrained is honest.
            _log.warning("snapshot not restored", snapshot_id=snapshot_id, reason=str(error))
            return build(spec, features), None
