"""The only importer of Vowpal Wabbit: action-dependent contextual bandits over reused dense examples.

Names are hashed once, the Example objects are kept, and only the shared example is refilled for each decision, which
predicts several times faster than text. One namespace each for the context (`U`) and the arms (`A`), crossed by
`-q UA`; namespaces merge by first letter, so there are no others. A model is not safe to share between threads.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vowpal_wabbit_next import CBLabel
from vowpal_wabbit_next import _core as vw_core

from bandit.errors import SnapshotError
from bandit.features import Indices, Values, arm_features, feature_index
from bandit.rounds import Arm

_core: Any = vw_core  # its stubs type every prediction as a union of eleven

SET_LIMIT = 512
_UNLABELLED = CBLabel()

Encoded = tuple[Indices, Values, list[int]]


@lru_cache(maxsize=256)
def _ones(count: int) -> NDArray[np.float32]:
    return np.ones(count, dtype=np.float32)


def _arm_identity(arm: Arm) -> tuple[object, ...]:
    attributes = tuple((name, type(value), value) for name, value in arm.attributes.items())
    return arm.key, arm.event_type, arm.reward_kind, arm.reward_amount, attributes


class AdfModel:
    """A `--cb_explore_adf` model: (encoded context, arms) → probabilities, and updates from one chosen arm's cost.

    Args:
        arguments: Vowpal Wabbit's options; ignored where `data` is given, because repeating them is an error there.
        data: a model serialised earlier. Raises SnapshotError where it cannot be read.
    """

    def __init__(self, arguments: Sequence[str], data: bytes | None = None) -> None:
        if data is None:
            self._core = _core.Workspace([*arguments, "-q", "UA"])
        else:
            try:
                self._core = _core.Workspace([], model_data=data)
            except Exception as error:
                raise SnapshotError(f"not a Vowpal Wabbit model: {error}") from error
        self._shared = _core.Example()
        self._shared._set_label(CBLabel(shared=True))
        self._context = self._shared[ord("U")]
        self._examples: dict[tuple[object, ...], Any] = {}
        self._sets: dict[tuple[int, ...], tuple[Sequence[Arm], list[Any]]] = {}
        self._last: tuple[Sequence[Arm] | None, list[Any]] = (None, [])

    def probabilities(self, context: Encoded, arms: Sequence[Arm]) -> list[float]:
        """One probability per arm in the order of `arms`; float32 inside, so their sum is 1 only to about 1e-7."""
        self._fill(context)
        ordered = [0.0] * len(arms)
        for action, probability in self._core.predict_multi_ex_one(self._multi_example(arms)):
            ordered[action] = probability
        return ordered

    def probabilities_all(self, indices: Indices, values: Values, arms: Sequence[Arm]) -> Values:
        """The same for n contexts given as rows (n, F) of indices and values: shape (n, K)."""
        examples, predict, context = self._multi_example(arms), self._core.predict_multi_ex_one, self._context
        clear, push, found = context.truncate_to, context.push_many_features, []
        for places, numbers in zip(indices, values.astype(np.float32), strict=True):
            clear(0)
            push(places, numbers)
            ordered = [0.0] * len(arms)
            for action, probability in predict(examples):
                ordered[action] = probability
            found.append(ordered)
        return np.array(found)

    def learn(self, context: Encoded, arms: Sequence[Arm], chosen: int, label: tuple[float, float]) -> None:
        """Learn the (cost, probability) of the chosen arm; both must have been validated."""
        self._fill(context)
        examples = self._multi_example(arms)
        examples[chosen + 1]._set_label(CBLabel(label=label))
        self._core.learn_multi_ex_one(examples)
        examples[chosen + 1]._set_label(_UNLABELLED)

    def serialize(self) -> bytes:
        """The model with its learning state. Not byte-identical when repeated after loading."""
        data: bytes = self._core.serialize()
        return data

    def _fill(self, context: Encoded) -> None:
        indices, values, ones = context
        self._context.truncate_to(0)
        if len(indices):
            self._context.push_many_features(indices, values.astype(np.float32))
        if ones:
            self._context.push_many_features(np.array(ones, dtype=np.uint64), _ones(len(ones)))

    def _multi_example(self, arms: Sequence[Arm]) -> list[Any]:
        if arms is self._last[0]:
            return self._last[1]
        key = tuple(map(id, arms))
        known = self._sets.get(key)
        if known is None:
            if len(self._sets) >= SET_LIMIT:
                self._sets.clear()
                self._examples.clear()
            # Holding the arms keeps their ids from being given to others.
            known = self._sets[key] = (tuple(arms), [self._shared, *map(self._arm_example, arms)])
        if isinstance(arms, tuple):  # a list may have other arms in it the next time
            self._last = arms, known[1]
        return known[1]

    def _arm_example(self, arm: Arm) -> Any:
        identity = _arm_identity(arm)
        example = self._examples.get(identity)
        if example is None:
            example = self._examples[identity] = _core.Example()
            example._set_label(CBLabel())
            named = arm_features(arm)
            indices = np.array([feature_index(name) for name, _ in named], dtype=np.uint64)
            example[ord("A")].push_many_features(indices, np.array([value for _, value in named], dtype=np.float32))
        return example
