"""Version 1 of the encoding: contexts and arms → named numbers.

Contexts: a numeric feature is standardised by moments kept in the snapshot and clipped to ±3; a category is one name
per value. Missing (None, NaN, infinite, of the wrong type, or declared and absent) is a feature of its own, `name?`.
With a declared schema names outside it are ignored; without one the type is read off each value.
Arms: the arm's identity and everything it shares with other arms, so that arms both differ and share.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from bandit.rounds import Arm, Context, FeatureSpec, Scalar
from bandit.scaling import Scaler

VERSION = 1
CLIP = 3.0
REACH = 1e15
PLAN_LIMIT = 1024
CATEGORY_LIMIT = 65_536

_PLAIN_NUMBERS = {float, int, bool, type(None)}

Indices = NDArray[np.uint64]
Values = NDArray[np.float64]


@lru_cache(maxsize=65_536)
def escape(text: str) -> str:
    """Any string as letters, digits and `_.-~%` alone; injective, never empty.

    Percent-encoding of the UTF-8 bytes. `|`, `:`, blanks and newlines would break Vowpal Wabbit's format, and `=`, `?`
    would let two features meet in one name.
    """
    return quote(text, safe="", errors="surrogatepass") or "%"


@lru_cache(maxsize=65_536)
def feature_index(name: str) -> int:
    """A 64-bit index of a feature name, the same on every machine and in every version of Python."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")


def category(value: object) -> str | None:
    """A categorical value as text: equal values (1, 1.0, True) give equal text; None where missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool | int) or (isinstance(value, float) and value.is_integer()):
        return hex(int(value)) if abs(value) > 1e15 else str(int(value))
    return str(value)


def category_name(name: str, value: object) -> str:
    """The feature that says `name` has this value, or that it is missing."""
    text = category(value)
    return f"{escape(name)}?" if text is None else f"{escape(name)}={escape(text)}"


def is_level(name: str) -> bool:
    """Whether a feature says that a category has a certain value."""
    return "=" in name


def unknown_level(name: str) -> str:
    """The feature that stands for the values of a category that a policy does not know by name."""
    return f"{name.partition('=')[0]}=?"


def number(value: object) -> float | None:
    """A numeric value as a finite float; None where missing, not finite or not a number."""
    if not isinstance(value, int | float | np.number):
        return None
    try:
        plain = float(value)
    except (OverflowError, TypeError):
        return None
    return plain if math.isfinite(plain) else None


def signed_log(value: float) -> float:
    """sign(x) log(1 + |x|): amounts of any size on one scale."""
    return math.copysign(math.log1p(abs(value)), value)


def arm_features(arm: Arm) -> list[tuple[str, float]]:
    """Named values that describe an arm: identity, type, kind, amount (scaled and banded by octave), attributes."""
    named = [(f"arm={escape(arm.key)}", 1.0)]
    if arm.event_type is not None:
        named.append((f"event_type={escape(arm.event_type)}", 1.0))
    if arm.reward_kind is not None:
        named.append((f"reward_kind={escape(arm.reward_kind)}", 1.0))
    amount = number(arm.reward_amount)
    if amount:
        named += [("amount", signed_log(amount) / 4.0), (f"amount~{math.frexp(amount)[1]}", 1.0)]
    for name, value in arm.attributes.items():
        named.append(_attribute(escape(name), value))
    return named


def _attribute(name: str, value: Scalar) -> tuple[str, float]:
    plain = None if isinstance(value, bool) else number(value)
    if plain is not None:
        return f"attribute.{name}", signed_log(plain) / 4.0
    text = category(value)
    return (f"attribute.{name}?", 1.0) if text is None else (f"attribute.{name}={escape(text)}", 1.0)


def _absent_last(indices: Indices, values: Values, known: NDArray[np.bool_]) -> tuple[Indices, Values]:
    """Rows (n, F), m numeric features then categories: the `known` (n, m), then categories, then what is absent."""
    ranks = np.ones(indices.shape, dtype=np.int8)
    ranks[:, : known.shape[1]] = np.where(known, 0, 2)
    order = np.argsort(ranks, axis=1, kind="stable")
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(values, order, axis=1)


class _Plan:
    """What is the same for all contexts of one shape: which names are numeric, their indices, shifts and scales."""

    __slots__ = ("categorical", "indices", "missing", "missing_names", "moments", "numeric")

    def __init__(self, numeric: list[str], categorical: list[str], missing: list[str], encoder: "Encoder") -> None:
        self.numeric, self.categorical = numeric, categorical
        self.indices = np.array([encoder.index_of(escape(name)) for name in numeric], dtype=np.uint64)
        self.moments = [encoder.scaler.shift_and_scale(name) for name in numeric]
        self.missing_names = [f"{escape(name)}?" for name in missing]
        self.missing = [encoder.index_of(name) for name in self.missing_names]


class Encoder:
    """Contexts → (indices, values), by way of an index function that the model supplies.

    `index_of` is asked for every feature name; what it returns is cached until `forget` is called.
    """

    def __init__(self, spec: FeatureSpec, scaler: Scaler, index_of: Callable[[str], int] = feature_index) -> None:
        self.spec, self.scaler, self.index_of = spec, scaler, index_of
        self._declared = bool(spec.numeric or spec.categorical)
        self._plans: dict[object, _Plan] = {}
        self._categories: dict[tuple[str, object], int] = {}

    def forget(self) -> None:
        """Drop what was cached: the scaler or the index function changed."""
        self._plans.clear()
        self._categories.clear()

    def encode(self, context: Context) -> tuple[Indices, Values, list[int]]:
        """Numeric indices and their values (both (n,)), and the indices of the features whose value is one."""
        plan = self._plan(context)
        get = context.get
        values = self._standardise(plan, [get(name) for name in plan.numeric])
        ones = list(plan.missing)
        if plan.categorical:
            ones += [self._category(name, get(name)) for name in plan.categorical]
        if values is None:
            return self._with_missing(plan, context, ones)
        return plan.indices, values, ones

    def observe(self, context: Context) -> list[str]:
        """Add the context's numeric features to the scaler; the names of all its features as the model knows them."""
        plan = self._plan(context)
        numbers = {name: number(context.get(name)) for name in plan.numeric}
        present = {name: min(max(value, -REACH), REACH) for name, value in numbers.items() if value is not None}
        self.scaler.add(present.items())
        absent = [*plan.missing_names, *(f"{escape(name)}?" for name in numbers if name not in present)]
        return [*map(escape, present), *absent, *(category_name(name, context.get(name)) for name in plan.categorical)]

    def levels(self, context: Context) -> list[str]:
        """The features of a context's categories."""
        return [category_name(name, context.get(name)) for name in self._plan(context).categorical]

    def measure(self, contexts: Sequence[Context]) -> None:
        """Add the numeric features of many contexts to the scaler; what was encoded before is forgotten."""
        table = self._table(contexts)
        if table is None:
            for context in contexts:
                self.observe(context)
        else:
            self.scaler.add_columns(self.spec.numeric, np.clip(table, -REACH, REACH))
        self.forget()

    def encode_all(self, contexts: Sequence[Context]) -> list[tuple[Indices, Values, list[int]]]:
        """`encode` of many contexts, the numeric ones in one go where all of them are clean."""
        table = self._table(contexts)
        if table is None:
            return [self.encode(context) for context in contexts]
        plan = self._plan(contexts[0])
        means, scales = np.array(plan.moments).T
        values = np.clip((table - means) * scales, -CLIP, CLIP)
        names = plan.categorical
        return [
            (plan.indices, row, [self._category(name, context.get(name)) for name in names])
            for context, row in zip(contexts, values, strict=True)
        ]

    def encode_columns(self, contexts: Sequence[Context]) -> tuple[Indices, Values] | None:
        """`encode` of n contexts as arrays (n, F): each row's indices and their values, in the very order of `encode`,
        because a sum of float32 depends on it. None without a schema, or where a value is of a type that only the
        careful way can read.
        """
        if not self._declared or not contexts:
            return None
        plan = self._plan(contexts[0])
        raw = [[context.get(name) for name in plan.numeric] for context in contexts]
        if not {kind for row in raw for kind in map(type, row)} <= _PLAIN_NUMBERS:
            return None
        try:
            table = np.array(raw, dtype=np.float64).reshape(len(raw), len(plan.numeric))
        except OverflowError:
            return None
        means, scales = np.array(plan.moments, dtype=np.float64).reshape(-1, 2).T
        known = np.isfinite(table)
        values = np.where(known, np.clip((np.where(known, table, 0.0) - means) * scales, -CLIP, CLIP), 1.0)
        absent = np.array([self._category(name, None) for name in plan.numeric], dtype=np.uint64)
        named = [[self._category(name, context.get(name)) for name in plan.categorical] for context in contexts]
        places = np.array(named, dtype=np.uint64).reshape(len(raw), len(plan.categorical))
        indices = np.hstack([np.where(known, plan.indices, absent), places])
        values = np.hstack([values, np.ones(places.shape)])
        return (indices, values) if known.all() else _absent_last(indices, values, known)

    def _table(self, contexts: Sequence[Context]) -> Values | None:
        """(n, F) values of the declared numeric features; None unless every one of them is there and finite."""
        if not contexts or len(self.spec.numeric) < 2:
            return None
        try:
            table = np.array(list(map(itemgetter(*self.spec.numeric), contexts)))
        except (KeyError, ValueError, OverflowError):
            return None
        clean = table.dtype.kind in "fiub" and bool(np.isfinite(table).all())
        return table.astype(np.float64) if clean else None

    @staticmethod
    def _standardise(plan: _Plan, raw: list[Any]) -> Values | None:
        """The fast way, for clean values; None asks for the careful way. Plain floats never warn."""
        try:
            scaled = [(value - mean) * scale for value, (mean, scale) in zip(raw, plan.moments, strict=True)]
        except (TypeError, OverflowError):
            return None
        total = sum(scaled)
        if total - total != 0.0:
            return None
        values = np.array(scaled, dtype=np.float64)
        if scaled and (max(scaled) > CLIP or min(scaled) < -CLIP):
            np.clip(values, -CLIP, CLIP, out=values)
        return values

    def _with_missing(self, plan: _Plan, context: Context, ones: list[int]) -> tuple[Indices, Values, list[int]]:
        keep, scaled = [], []
        for place, (name, (mean, scale)) in enumerate(zip(plan.numeric, plan.moments, strict=True)):
            value = number(context.get(name))
            if value is None:
                ones.append(self._category(name, None))
            else:
                keep.append(place)
                scaled.append(min(max((value - mean) * scale, -CLIP), CLIP))
        return plan.indices[keep], np.array(scaled, dtype=np.float64), ones

    def _category(self, name: str, value: Scalar) -> int:
        try:
            return self._categories[(name, value)]
        except (KeyError, TypeError):
            pass
        index = self.index_of(category_name(name, value))
        if value is None or isinstance(value, str | int):
            if len(self._categories) >= CATEGORY_LIMIT:
                self._categories.clear()
            self._categories[(name, value)] = index
        return index

    def _plan(self, context: Context) -> _Plan:
        key = None if self._declared else (tuple(context), tuple(map(type, context.values())))
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._new_plan(context)
            if len(self._plans) > PLAN_LIMIT:
                self._plans = {key: plan}
        return plan

    def _new_plan(self, context: Mapping[str, Scalar]) -> _Plan:
        if self._declared:
            return _Plan(list(self.spec.numeric), list(self.spec.categorical), [], self)
        numeric = [name for name, value in context.items() if isinstance(value, int | float | np.number)]
        missing = [name for name, value in context.items() if value is None]
        others = [name for name in context if name not in set(numeric) | set(missing)]
        return _Plan(numeric, others, missing, self)
