"""What a bandit would do on a given audience: the real policies, simulated day by day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bandit.policies import build
from bandit.policy import Policy
from bandit.rounds import FeatureSpec, PolicySpec, Round
from offline_eval.ab.adaptive import ARM_CONTRASTS, Cells
from offline_eval.ab.adaptive import Rounds as ArmRounds
from offline_eval.ab.sample import Sample
from offline_eval.estimate import Estimate
from offline_eval.planning.audience import Audience

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Campaign:
    """How the audience comes.

    Attributes:
        per_day: units that ask for an arm in a day; they see the policy as it was in the morning.
        days: how long.
        delay: days until a day's outcomes are known and learned.
        replications: how often the whole campaign is simulated.
        features: types of the context's names, as the experiment would declare them.
    """

    per_day: int
    days: int
    delay: int = 1
    replications: int = 20
    features: FeatureSpec = field(default_factory=FeatureSpec)


@dataclass(frozen=True, slots=True)
class Life:
    """One simulated campaign.

    Attributes:
        regret: value lost against the best arm of every segment, in all.
        spend: costs, in all.
        best_share: share of the audience for whom the policy ends with the best arm as its most likely one.
        separated: day on which the always-valid interval between the two best arms first excluded 0; None: never.
    """

    regret: float
    spend: float
    best_share: float
    separated: int | None


@dataclass(frozen=True, slots=True)
class BanditPlan:
    """Expectations of one policy over the replications, with the Monte Carlo error as interval.

    Attributes:
        separation: median day among all lives; None where fewer than half of them separate.
    """

    policy: str
    regret: Estimate
    spend: Estimate
    best: Estimate
    separation: int | None
    separated_share: float

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "policy": self.policy,
            "regret": self.regret.as_dict(),
            "spend": self.spend.as_dict(),
            "probability_best": self.best.as_dict(),
            "days_to_separation": self.separation,
            "separated_share": self.separated_share,
        }


def plan_bandit(audience: Audience, campaign: Campaign, policies: Sequence[PolicySpec]) -> list[BanditPlan]:
    """One plan for each policy, on the same seeds. Raises PlanError and PolicySpecError."""
    audience.check()
    return [
        _summary(spec.name, [simulate(audience, campaign, spec, seed) for seed in range(campaign.replications)])
        for spec in policies
    ]


def simulate(audience: Audience, campaign: Campaign, spec: PolicySpec, seed: int) -> Life:
    """One campaign; the same seed gives the same life."""
    rng = np.random.default_rng([seed, 77])
    policy = build(replace(spec, seed=spec.seed + seed), campaign.features)
    waiting: list[list[Round]] = []
    parts: list[Cells] = []
    regret = spend = 0.0
    for day in range(campaign.days):
        pmf = _pmf(policy, audience)
        units = _day(audience, campaign.per_day, pmf, rng)
        parts.append(Cells.of([arm.key for arm in audience.arms], _columns(units, pmf, day)))
        loss = audience.worth.max(axis=1, keepdims=True) - audience.worth
        regret += float((units.drawn * loss).sum())
        spend += float(units.cost.sum())
        waiting.append(list(_rounds(audience, units, pmf)))
        if len(waiting) >= max(campaign.delay, 1):
            policy.learn(waiting.pop(0))
    final = _pmf(policy, audience).argmax(axis=1)
    best = float(audience.shares[final == audience.worth.argmax(axis=1)].sum())
    return Life(regret, spend, best, _separation(audience, parts))


@dataclass(frozen=True, slots=True)
class _Units:
    """A day's units: (n,) segment, arm and return; (S, K) counts and (n,) costs."""

    segment: NDArray[np.int64]
    arm: NDArray[np.int64]
    back: Floats
    drawn: Floats
    cost: Floats


def _pmf(policy: Policy, audience: Audience) -> Floats:
    return np.array([policy.pmf(segment.context, audience.arms) for segment in audience.segments])


def _day(audience: Audience, n: int, pmf: Floats, rng: np.random.Generator) -> _Units:
    segment = rng.choice(len(audience.segments), n, p=audience.shares)
    arm = (rng.random(n)[:, None] >= np.cumsum(pmf, axis=1)[segment]).sum(axis=1).clip(0, pmf.shape[1] - 1)
    back = (rng.random(n) < audience.rates[segment, arm]).astype(np.float64)
    drawn = np.zeros(pmf.shape)
    np.add.at(drawn, (segment, arm), 1.0)
    due = np.array([a.cost_on == "decision" for a in audience.arms])[arm]
    reward = np.array([a.reward_cost for a in audience.arms])[arm]
    contact = np.array([a.contact_cost for a in audience.arms])[arm]
    return _Units(segment, arm, back, drawn, contact + reward * np.where(due, 1.0, back))


def _columns(units: _Units, pmf: Floats, day: int) -> ArmRounds:
    return ArmRounds(np.full(len(units.arm), day), units.arm, pmf[units.segment], units.back, units.segment)


def _rounds(audience: Audience, units: _Units, pmf: Floats) -> Iterator[Round]:
    reward = audience.value * units.back - units.cost
    for i, (segment, arm) in enumerate(zip(units.segment, units.arm, strict=True)):
        p, context = pmf[segment], audience.segments[segment].context
        yield Round(context, audience.arms, int(arm), p, float(p[arm]), float(reward[i]))


def _separation(audience: Audience, parts: list[Cells]) -> int | None:
    """First day on which the two arms of the highest mean rate are told apart."""
    order = np.argsort(audience.shares @ audience.rates)[::-1]
    first, second = audience.arms[order[0]].key, audience.arms[order[1]].key
    total = parts[0]
    for day, part in enumerate(parts):
        total = part if day == 0 else total + part
        bounds = ARM_CONTRASTS["arm_sequence"](total, first, second, 0.05, (0.0, 1.0)).absolute
        if bounds.lower is not None and bounds.upper is not None and (bounds.lower > 0 or bounds.upper < 0):
            return day + 1
    return None


def _summary(policy: str, lives: list[Life]) -> BanditPlan:
    days = sorted(life.separated for life in lives if life.separated is not None)
    middle = (len(lives) - 1) // 2
    return BanditPlan(
        policy,
        _expectation([life.regret for life in lives]),
        _expectation([life.spend for life in lives]),
        _expectation([life.best_share for life in lives]),
        days[middle] if len(days) > middle else None,
        len(days) / len(lives),
    )


def _expectation(values: list[float]) -> Estimate:
    """Student's interval over simulated lives."""
    found = Sample.of(values)
    half = float(stdtrit(max(found.n - 1, 1), 0.975)) * (found.variance / found.n) ** 0.5
    lower, upper = (found.value - half, found.value + half) if half > 0 else (None, None)
    return Estimate(found.value, lower, upper, found.n, float(found.n), "monte_carlo")
