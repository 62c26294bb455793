"""A campaign whose arms a policy of the product draws, learning in batches, in a world of a few segments."""

from dataclasses import dataclass, replace

import numpy as np

from bandit.policies import POLICIES, build
from bandit.policy import Policy
from bandit.rounds import Arm, FeatureSpec, PolicySpec, Round
from benchmarks.claims.designs import Design, draw_effect, draw_law, draw_laws, luck
from benchmarks.claims.laws import Floats, Law

LEARNED = tuple(name for name, policy in POLICIES.items() if policy.learned)
FEATURES = FeatureSpec((), ("segment",))
WORLD = 9


@dataclass(frozen=True, slots=True)
class Played:
    """n rounds in time's order.

    Attributes:
        batch, segment, arm: (n,) codes. pmf: (n, K), 0 where not eligible. reward: (n,).
    """

    batch: np.ndarray
    segment: np.ndarray
    arm: np.ndarray
    pmf: Floats
    reward: Floats


@dataclass(frozen=True, slots=True)
class World:
    """What every arm brings in every segment. laws: by arm, by segment. eligible: (G, K). mix: (G,) share of rounds."""

    laws: tuple[tuple[Law, ...], ...]
    eligible: np.ndarray
    mix: Floats

    @property
    def means(self) -> Floats:
        """(G, K), exact."""
        return np.array([[law.mean for law in arm] for arm in self.laws]).T

    def truth(self, arm: int, control: int | None) -> float | None:
        """Of the arm, or the difference to the control, where both are eligible; None where that is nowhere."""
        both = self.eligible[:, arm] & (True if control is None else self.eligible[:, control])
        mass = self.mix[both]
        if not mass.size:
            return None
        gap = self.means[both, arm] - (0.0 if control is None else self.means[both, control])
        return float(mass @ gap / mass.sum())

    def relative(self, arm: int, control: int) -> float | None:
        """The difference over the control's mean, where both are eligible."""
        both = self.eligible[:, arm] & self.eligible[:, control]
        gap = self.truth(arm, control)
        base = float(self.mix[both] @ self.means[both, control] / max(self.mix[both].sum(), 1e-300))
        return None if gap is None or base == 0 else gap / base


def world_of(design: Design) -> World:
    """The same in every life."""
    rng = luck(design.family, design.number, design.seed, WORLD)
    mix = rng.dirichlet(np.full(design.strata, 3.0))
    base = 1 / (1 + rng.integers(0, 4, design.strata))
    laws = []
    for law in design.laws:
        turns = np.exp(rng.normal(0, 0.4, design.strata)) if design.effect == "lift" else np.ones(design.strata)
        laws.append(tuple(law.lifted(float(b * turn)) for b, turn in zip(base, turns, strict=True)))
    eligible = np.ones((design.strata, design.arms), dtype=bool)
    for stratum, arm in design.gaps:
        eligible[stratum, arm] = False
    return World(tuple(laws), eligible, mix)


def play(design: Design, rng: np.random.Generator) -> Played:
    """One life: the policy draws a batch, and learns those that are `delay` batches old."""
    world, arms = world_of(design), tuple(Arm(f"a{k}") for k in range(design.arms))
    floor = design.floor or None
    policy = build(PolicySpec(design.policy, floor=floor, seed=int(rng.integers(1 << 30))), FEATURES)
    edges = np.linspace(0, design.horizon, design.batches + 1).astype(int)
    parts: list[Played] = []
    for batch in range(design.batches):
        parts.append(_batch(world, arms, policy, (batch, int(edges[batch + 1] - edges[batch])), rng))
        if batch >= design.delay:
            policy.learn(_rounds(parts[batch - design.delay], arms))
    columns = [
        np.concatenate([getattr(p, name) for p in parts]) for name in ("batch", "segment", "arm", "pmf", "reward")
    ]
    return Played(*columns)


def _batch(
    world: World, arms: tuple[Arm, ...], policy: Policy, size: tuple[int, int], rng: np.random.Generator
) -> Played:
    batch, n = size
    table = np.zeros(world.eligible.shape)
    for segment, open_ in enumerate(world.eligible):
        places = np.flatnonzero(open_)
        table[segment, places] = policy.pmf({"segment": str(segment)}, [arms[k] for k in places])
    segment = rng.choice(len(world.mix), n, p=world.mix)
    pmf = table[segment]
    cumulated = pmf.cumsum(axis=1)
    arm = (rng.random(n)[:, None] * cumulated[:, -1:] >= cumulated).sum(axis=1)
    reward = np.zeros(n)
    for k, laws in enumerate(world.laws):
        for g, law in enumerate(laws):
            mine = np.flatnonzero((arm == k) & (segment == g))
            reward[mine] = law.values(rng, len(mine))
    return Played(np.full(n, batch), segment, arm, pmf, reward)


def _rounds(part: Played, arms: tuple[Arm, ...]) -> list[Round]:
    found = []
    for segment, arm, pmf, reward in zip(
        part.segment.tolist(), part.arm.tolist(), part.pmf, part.reward.tolist(), strict=True
    ):
        places = np.flatnonzero(pmf > 0)
        kept, chosen = [arms[k] for k in places], int(np.searchsorted(places, arm))
        found.append(Round({"segment": str(segment)}, kept, chosen, pmf[places], float(pmf[arm]), reward))
    return found


def draw_learning(rng: np.random.Generator, made: Design, most: int = 10_000) -> Design:
    """Any learned policy, 2 to 12 arms, one to four segments, arms that are missing in some, outcomes that wait."""
    arms, strata = int(rng.choice([2, 3, 4, 6, 8, 12])), int(rng.integers(1, 5))
    effect = draw_effect(rng)
    horizon = int(np.exp(rng.uniform(np.log(500), np.log(most)))) if rng.random() < 0.85 else most
    gaps = [(g, k) for g in range(strata) for k in range(1, arms) if rng.random() < 0.25] if rng.random() < 0.3 else []
    law = draw_law(rng, 0.5)
    batches = int(rng.integers(5, 26))
    return replace(
        made,
        laws=draw_laws(rng, law, arms, effect),
        effect=effect,
        shares=(1 / arms,) * arms,
        horizon=horizon,
        strata=strata,
        gaps=tuple(gaps),
        policy=str(rng.choice(LEARNED)),
        floor=float(rng.choice([0.0, 0.005, 0.01, 0.03, 0.05])),
        batches=batches,
        delay=int(rng.choice([0, 0, 1, 3])),
    )
