"""Do segments differ at all, before any of them is called a winner; and if so, which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.special import chdtrc, ndtr

from offline_eval.ab.multiplicity import holm


@dataclass(frozen=True, slots=True)
class Effect:
    """A segment's estimated lift and its sampling variance."""

    value: float
    variance: float


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Whether lifts differ between segments.

    Attributes:
        statistic: Cochran's Q.
        p_value: chance of so large a Q if all segments had the same lift; None with fewer than two segments.
        common: the precision-weighted lift.
        differing: segment → Holm-adjusted p-value of "its lift equals that of all others together". A segment may be
            called different only where both this and `p_value` are small.
    """

    statistic: float
    p_value: float | None
    common: float | None
    differing: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"q": self.statistic, "p_value": self.p_value, "common": self.common, "differing": dict(self.differing)}


def heterogeneity(effects: Mapping[str, Effect]) -> Heterogeneity:
    """Cochran (1954), *The combination of estimates from different experiments*, Biometrics 10, 101-129.

    Q = Σ wₛ (τₛ - τ̄)², wₛ = 1/vₛ, is χ² with S - 1 degrees of freedom under one common lift, at one look, with
    dozens of events in each segment. Segments without variance are left out.
    """
    used = {name: effect for name, effect in effects.items() if effect.variance > 0}
    if len(used) < 2:
        return Heterogeneity(0.0, None, next((e.value for e in used.values()), None), {})
    common, _ = _together(list(used.values()))
    q = sum((effect.value - common) ** 2 / effect.variance for effect in used.values())
    against = {
        name: _against(effect, [other for key, other in used.items() if key != name]) for name, effect in used.items()
    }
    return Heterogeneity(q, float(chdtrc(len(used) - 1, q)), common, holm(against))


def _together(effects: Sequence[Effect]) -> tuple[float, float]:
    """(precision-weighted lift, its variance), scaled so that a variance near 0 swamps the others and nothing else."""
    least = min(effect.variance for effect in effects)
    weights = [least / effect.variance for effect in effects]
    total = sum(weights)
    return sum(w * effect.value for w, effect in zip(weights, effects, strict=True)) / total, least / total


def _against(effect: Effect, others: Sequence[Effect]) -> float:
    rest, variance = _together(others)
    return 2 * float(ndtr(-abs(effect.value - rest) / (effect.variance + variance) ** 0.5))
