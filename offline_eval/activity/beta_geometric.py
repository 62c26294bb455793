"""Customers who come back at a rate of their own until they drop out, unseen, after one of their visits.

While alive a unit returns as a Poisson process of rate λ ~ Gamma(r, α); at every chance to drop out it does with
probability p ~ Beta(a, b). With k chances survived by a unit that is still alive, its likelihood is

    L = Γ(r+x) α^r / Γ(r) · [ B(a, b+k)/B(a, b) (α+T)^-(r+x) + 1{k>0} B(a+1, b+k-1)/B(a, b) (α+t_x)^-(r+x) ].

k = x gives the BG/NBD model (Fader, Hardie & Lee 2005, Marketing Science 24, 275-284, eq. 6): nobody drops out before
the first return. k = x + 1 gives the MBG/NBD model (Batislam, Denizel & Filiztekin 2007, IJRM 24, 201-209): the first
visit, too, may be the last. Everything is summed in logarithms.
"""

from dataclasses import asdict, dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1

from offline_eval.activity.fitting import Region, maximise, time_unit
from offline_eval.activity.histories import Floats, Histories

_POLE = 1e-4
"""How close to its removable singularities (a = 1, no room for drop-outs) the expectation is interpolated."""


@dataclass(frozen=True, slots=True)
class BetaGeometric:
    """A fitted model; `r`, `alpha` (in the histories' unit of time), `a`, `b` as above.

    Class attributes:
        first_chance: chances to drop out at the first visit, 0 or 1.
    """

    r: float
    alpha: float
    a: float
    b: float

    first_chance: ClassVar[int]
    region: ClassVar[Region] = Region((-0.5, 0.0, 0.0, 0.5), ((-12.0, 12.0),) * 4)

    @classmethod
    def fit(cls, histories: Histories) -> Self:
        """Maximum likelihood over distinct histories. Raises HistoryError where they say nothing."""
        unit = time_unit(histories)
        rows, counts = histories.scaled(1.0 / unit).distinct()
        r, alpha, a, b = maximise(lambda logs: cls.log_likelihood(logs, rows), counts, cls.region)
        return cls(r, alpha * unit, a, b)

    @classmethod
    def log_likelihood(cls, logs: Floats, histories: Histories) -> tuple[Floats, Floats]:
        """See Likelihood; m = 4."""
        r, alpha, a, b = np.exp(logs)
        x, chances = histories.frequency, histories.frequency + cls.first_chance
        end, last = np.log(alpha + histories.observed), np.log(alpha + histories.recency)
        alive, gone = cls._parts(np.exp(logs), histories)
        total = np.logaddexp(alive, gone)
        share = np.exp(alive - total)
        lost = 1.0 - share
        waits = share * end + lost * last
        d_r = digamma(r + x) - digamma(r) + np.log(alpha) - waits
        d_alpha = r / alpha - (r + x) * (share / (alpha + histories.observed) + lost / (alpha + histories.recency))
        both = digamma(a + b) - digamma(a + b + chances)
        d_a = both + lost / a
        # For k = 0 nothing is lost, and what follows would be infinite times zero.
        d_b = both + digamma(b + chances) - digamma(b) - lost / (b + np.maximum(chances, 1.0) - 1.0)
        value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + total
        return value, np.stack([d_r * r, d_alpha * alpha, d_a * a, d_b * b])

    @classmethod
    def _parts(cls, parameters: Floats, histories: Histories) -> tuple[Floats, Floats]:
        """Logarithms of the two terms in brackets: still alive, and gone since the last visit."""
        r, alpha, a, b = parameters
        shape, chances = r + histories.frequency, histories.frequency + cls.first_chance
        alive = betaln(a, b + chances) - betaln(a, b) - shape * np.log(alpha + histories.observed)
        lost = betaln(a + 1.0, b + np.maximum(chances, 1.0) - 1.0) - betaln(a, b)
        gone = np.where(chances > 0, lost - shape * np.log(alpha + histories.recency), -np.inf)
        return alive, gone

    def alive(self, histories: Histories) -> Floats:
        """P(not dropped out at T | x, t_x, T), (n,)."""
        alive, gone = self._parts(np.array([self.r, self.alpha, self.a, self.b]), histories)
        return np.asarray(expit(alive - gone))

    def active(self, histories: Histories, horizon: float) -> Floats:
        """P(at least one return in (T, T + horizon]), (n,): alive, and not without a visit all that time.

        Given that a unit is alive its rate is Gamma(r + x, α + T), and drop-outs follow visits.
        """
        quiet = (self.r + histories.frequency) * np.log1p(horizon / (self.alpha + histories.observed))
        return self.alive(histories) * -np.expm1(-quiet)

    def expected(self, histories: Histories, horizon: float) -> Floats:
        """Expected number of returns in (T, T + horizon], (n,) (Fader et al. 2005, eq. 10)."""
        return self.alive(histories) * self.expected_of_alive(histories, horizon)

    def expected_of_alive(self, histories: Histories, horizon: float) -> Floats:
        """E[(1 - exp(-λ p t)) / p]; its poles in `a` and in `a + b + k` are removable, and passed on both sides."""
        shift = _POLE * max(1.0, self.a)
        if abs(self.a - 1.0) < shift:
            return 0.5 * (self._series(histories, horizon, 1 - shift) + self._series(histories, horizon, 1 + shift))
        return self._series(histories, horizon, self.a)

    def _series(self, histories: Histories, horizon: float, a: float) -> Floats:
        """Euler's transformation leaves exponents that do not grow with x: nothing overflows."""
        chances = histories.frequency + self.first_chance
        bound = a + self.b + chances - 1.0
        bound = np.where(np.abs(bound) < _POLE, _POLE, bound)
        elapsed = self.alpha + histories.observed
        z = horizon / (elapsed + horizon)
        rest = bound - self.r - histories.frequency
        series = hyp2f1(rest, a - 1.0, bound, z) * (1.0 - z) ** (a - 1.0)
        return np.asarray(bound / (a - 1.0) * (1.0 - series))

    def parameters(self) -> dict[str, float]:
        """By name."""
        return asdict(self)
