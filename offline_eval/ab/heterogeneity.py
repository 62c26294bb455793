"""Do segments differ at all, before any of them is called a winner; and if so, which."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.special import chdtrc, fdtrc, ndtr, stdtr

from offline_eval.ab.multiplicity import holm


@dataclass(frozen=True, slots=True)
class Effect:
    """A segment's estimated lift, its sampling variance, and the degrees of freedom of that variance's estimate."""

    value: float
    variance: float
    freedom: float = math.inf


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
    dozens of events in each segment and variances that are known. Where they are estimated with few degrees of freedom
    f, Q is referred to Welch's F (1951, *On the comparison of several mean values*, Biometrika 38, 330-336), and each
    segment to Student's t. Segments without variance are left out. Measured by benchmarks.claims, family
    segments: docs/claims.md.
    """
    used = {name: effect for name, effect in effects.items() if effect.variance > 0}
    if len(used) < 2:
        return Heterogeneity(0.0, None, next((e.value for e in used.values()), None), {})
    together = list(used.values())
    common = _together(together).value
    q = sum((effect.value - common) ** 2 / effect.variance for effect in together)
    against = {
        name: _against(effect, [other for key, other in used.items() if key != name]) for name, effect in used.items()
    }
    return Heterogeneity(q, _chance(q, together), common, holm(against))


def _chance(q: float, effects: Sequence[Effect]) -> float:
    """Of so large a Q: χ², or Welch's F where variances are estimated."""
    n = len(effects)
    loss = sum((1 - w) ** 2 / effect.freedom for w, effect in zip(_weights(effects), effects, strict=True))
    if not loss:
        return float(chdtrc(n - 1, q))
    ratio = q / (n - 1) / (1 + 2 * (n - 2) / (n * n - 1) * loss)
    return float(fdtrc(n - 1, (n * n - 1) / (3 * loss), ratio))


def _weights(effects: Sequence[Effect]) -> list[float]:
    """By precision, adding up to 1, scaled so that a variance near 0 swamps the others and nothing else."""
    least = min(effect.variance for effect in effects)
    weights = [least / effect.variance for effect in effects]
    total = sum(weights)
    return [weight / total for weight in weights]


def _together(effects: Sequence[Effect]) -> Effect:
    """The precision-weighted lift; its variance with what estimated weights add (Meier 1953, Biometrics 9, 59-73)."""
    pairs = list(zip(_weights(effects), effects, strict=True))
    spread = sum(w * w * effect.variance for w, effect in pairs)
    added = 4 * sum(w * (1 - w) / effect.freedom for w, effect in pairs)
    freedom = _inverse([w * w / effect.freedom for w, effect in pairs])
    return Effect(sum(w * effect.value for w, effect in pairs), spread * (1 + added), freedom)


def _inverse(parts: Sequence[float]) -> float:
    total = sum(parts)
    return 1 / total if total else math.inf


def _against(effect: Effect, others: Sequence[Effect]) -> float:
    rest = _together(others)
    variance = effect.variance + rest.variance
    score = -abs(effect.value - rest.value) / variance**0.5
    freedom = _inverse([(one.variance / variance) ** 2 / one.freedom for one in (effect, rest)])
    return 2 * float(ndtr(score) if math.isinf(freedom) else stdtr(freedom, score))
