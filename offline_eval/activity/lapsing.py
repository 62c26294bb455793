"""BG/NBD whose drop-outs do not vanish: they go on at a lower rate, the same share ρ of their own for everybody.

BG/NBD holds that who has dropped out never returns, so that a customer with many visits and a long silence is as good
as lost; real ones come back now and then. Here a unit whose j-th return was its last at its own rate λ goes on at ρλ.
With λ ~ Gamma(r, α) and p ~ Beta(a, b) as in Fader, Hardie & Lee (2005), whose model is ρ = 0, both integrals stay
closed for each j, and the likelihood is a sum over the visit at which the unit may have lapsed:

    L = Γ(r+x) α^r / Γ(r) · [ B(a, b+x)/B(a, b) (α+T)^-(r+x)
          + Σ_{1≤j≤x} B(a+1, b+j-1)/B(a, b) ρ^(x-j) (α + t_j + ρ (T - t_j))^-(r+x) ].

It needs the times t_j of all visits. `alive` is the probability that the unit still follows its own rhythm.
"""

from dataclasses import asdict, dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np
from scipy.special import betaln, digamma, gammaln

from offline_eval.activity.bg_nbd import BgNbd
from offline_eval.activity.fitting import Region, maximise, time_unit
from offline_eval.activity.histories import Floats, Visits


class _Terms(NamedTuple):
    """Shares of the likelihood: of each visit as the one of the lapse (N,), of none (n,); the slow phases' exposures
    α + t_j + ρ (T - t_j) (N,), and the logarithm of the brackets (n,)."""

    lapsed: Floats
    alive: Floats
    exposure: Floats
    total: Floats


@dataclass(frozen=True, slots=True)
class Lapsing:
    """A fitted model; `alpha` in the histories' unit of time, `rho` the share of its rate that a lapsed unit keeps."""

    r: float
    alpha: float
    a: float
    b: float
    rho: float

    region: ClassVar[Region] = Region((-0.5, 0.0, 0.0, 0.5, -2.0), (*((-12.0, 12.0),) * 4, (-12.0, -1e-6)))

    @classmethod
    def fit(cls, visits: Visits) -> Self:
        """Maximum likelihood. Raises HistoryError where the visits say nothing."""
        unit = time_unit(visits)
        rows, counts = visits.scaled(1.0 / unit).distinct()
        r, alpha, a, b, rho = maximise(lambda logs: cls.log_likelihood(logs, rows), counts, cls.region)
        return cls(r, alpha * unit, a, b, rho)

    @classmethod
    def log_likelihood(cls, logs: Floats, histories: Visits) -> tuple[Floats, Floats]:
        """See Likelihood; m = 5."""
        r, alpha, a, b, rho = np.exp(logs)
        x, end, owner = histories.frequency, histories.observed, histories.owner
        place = _places(histories)
        terms = cls._terms(np.exp(logs), histories)

        def mean(of_lapse: Floats, of_none: Floats | float) -> Floats:
            return np.asarray(np.add.reduceat(terms.lapsed * of_lapse, histories.starts) + terms.alive * of_none)

        both = digamma(a + b)
        gone = both - digamma(a + b + place)
        stays = both - digamma(a + b + x)
        left = x[owner] - place
        slow = end[owner] - histories.times
        shape = r + x
        gradient = [
            digamma(shape) - digamma(r) + np.log(alpha) - mean(np.log(terms.exposure), np.log(alpha + end)),
            r / alpha - shape * mean(1.0 / terms.exposure, 1.0 / (alpha + end)),
            mean(gone + 1.0 / a, stays),
            mean(gone + digamma(b + np.maximum(place, 1.0) - 1.0) - digamma(b), stays + digamma(b + x) - digamma(b)),
            mean(left / rho - shape[owner] * slow / terms.exposure, 0.0),
        ]
        value = gammaln(shape) - gammaln(r) + r * np.log(alpha) + terms.total
        return value, np.stack([part * scale for part, scale in zip(gradient, np.exp(logs), strict=True)])

    @staticmethod
    def _terms(parameters: Floats, visits: Visits) -> _Terms:
        r, alpha, a, b, rho = parameters
        x, end, owner, place = visits.frequency, visits.observed, visits.owner, _places(visits)
        exposure = alpha + visits.times + rho * (end[owner] - visits.times)
        chance = betaln(a + 1.0, b + np.maximum(place, 1.0) - 1.0) - betaln(a, b)
        lapsed = chance + (x[owner] - place) * np.log(rho) - (r + x[owner]) * np.log(exposure)
        lapsed[visits.starts] = -np.inf  # nobody lapses before the first return
        alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + end)
        top = np.maximum(np.maximum.reduceat(lapsed, visits.starts), alive)
        total = top + np.log(np.add.reduceat(np.exp(lapsed - top[owner]), visits.starts) + np.exp(alive - top))
        return _Terms(np.exp(lapsed - total[owner]), np.exp(alive - total), exposure, total)

    def alive(self, visits: Visits) -> Floats:
        """P(has not lapsed by T | visits), (n,)."""
        return self._terms(self._values, visits).alive

    def active(self, visits: Visits, horizon: float) -> Floats:
        """P(at least one visit in (T, T + horizon]), (n,): given the phase, the rate is Gamma again."""
        terms, shape = self._terms(self._values, visits), self.r + visits.frequency
        slow = np.exp(-shape[visits.owner] * np.log1p(self.rho * horizon / terms.exposure))
        quick = np.exp(-shape * np.log1p(horizon / (self.alpha + visits.observed)))
        quiet = np.add.reduceat(terms.lapsed * slow, visits.starts) + terms.alive * quick
        return np.clip(1.0 - quiet, 0.0, 1.0)

    def expected(self, visits: Visits, horizon: float) -> Floats:
        """Expected visits in (T, T + horizon], (n,): at λ while alive, as in BG/NBD, then at ρλ."""
        terms, shape = self._terms(self._values, visits), self.r + visits.frequency
        slow = np.add.reduceat(terms.lapsed / terms.exposure, visits.starts) * shape * self.rho * horizon
        until = BgNbd(self.r, self.alpha, self.a, self.b).expected_of_alive(visits, horizon)
        steady = self.rho * horizon * shape / (self.alpha + visits.observed)
        return slow + terms.alive * ((1.0 - self.rho) * until + steady)

    @property
    def _values(self) -> Floats:
        return np.array([self.r, self.alpha, self.a, self.b, self.rho])

    def parameters(self) -> dict[str, float]:
        """By name."""
        return asdict(self)


def _places(visits: Visits) -> Floats:
    """(N,) j: 0 for the first visit."""
    return np.arange(len(visits.times), dtype=np.float64) - visits.starts[visits.owner]
