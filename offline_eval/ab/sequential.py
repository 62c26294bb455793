"""Critical values that stay valid when one looks again and again."""

import math

from offline_eval.ab.scarcity import FEW

TIGHTEST_AT = 10_000.0
"""Units (of an equal split) at which the default sequence is tightest; a plan may name its own."""

BURN_IN = FEW
"""Events and, for 0/1 metrics, non-events that each group needs before an asymptotic sequence claims anything."""


def tuning(alpha: float, tightest_at: float) -> float:
    """ρ² for which the sequence is tightest at `tightest_at` (Waudby-Smith et al. 2024, eq. 10, to first order)."""
    log_alpha = -2.0 * math.log(alpha)
    return (log_alpha + math.log(log_alpha) + 1.0) / tightest_at


def mixture_critical(time: float, alpha: float, tightest_at: float = TIGHTEST_AT) -> float:
    """Half-width of the asymptotic confidence sequence in standard errors, at intrinsic `time` (a number of units).

    √((1 + 1/r) · ln((r + 1) / α²)), r = time · ρ²: the normal mixture of Robbins (1970) as used for asymptotic
    confidence sequences by Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), *Time-uniform central limit theory
    and asymptotic confidence sequences*, Ann. Statist., theorem 2.2.
    """
    r = time * tuning(alpha, tightest_at)
    return math.sqrt((1 + 1 / r) * (math.log1p(r) - 2 * math.log(alpha)))


def mixture_p_value(z: float, time: float, alpha: float, tightest_at: float = TIGHTEST_AT) -> float:
    """Always-valid p-value: one over the mixture likelihood ratio (Johari, Koomen, Pekelis & Walsh 2022, mSPRT)."""
    r = time * tuning(alpha, tightest_at)
    return min(1.0, math.exp(0.5 * math.log1p(r) - 0.5 * z * z * r / (1 + r)))
