"""Logs in memory, as a file would be read: columns, and a spec that says how the arms were drawn."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from bandit.policies import POLICIES
from bandit.rounds import Arm
from benchmarks.claims.designs import (
    Design,
    draw_effect,
    draw_horizon,
    draw_law,
    draw_laws,
    draw_people,
    draw_shares,
    log_uniform,
)
from benchmarks.claims.laws import Floats
from benchmarks.claims.learning import FEATURES, Played, World, draw_learning, play, world_of
from offline_eval.engine import Threads
from offline_eval.logs.log import Log, log_of
from offline_eval.logs.sources import ArrowSource
from offline_eval.logs.spec import LogSpec, ObjectiveSpec, PropensitySpec

ALLOCATIONS = ("uniform", "within", "logged")
"""Beside them every learned policy of the product: the log of a campaign that learned."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Rows, and whose they are: person (n,) codes."""

    rounds: Played
    person: np.ndarray


def draw_logged(rng: np.random.Generator, made: Design, fewest: int = 200, most: int = 30_000) -> Design:
    """Uniform, within strata, with logged probabilities, or by a policy; people with many decisions in a third."""
    if rng.random() < 0.15:
        return draw_learning(rng, made, 6_000)
    people = draw_people(rng, 0.4)
    low = 8 if people.index else fewest
    horizon = draw_horizon(rng, people, low, max(most / people.mean, 2 * low))
    arms, allocation = int(rng.choice([2, 2, 3, 4, 6, 12])), str(rng.choice(ALLOCATIONS))
    strata = 1 if allocation == "uniform" and rng.random() < 0.5 else int(rng.integers(2, 6))
    effect = draw_effect(rng) if strata == 1 else "none"
    gapped = allocation != "uniform" and rng.random() < 0.5
    gaps = [(g, k) for g in range(strata) for k in range(1, arms) if gapped and rng.random() < 0.4]
    return replace(
        made,
        laws=draw_laws(rng, draw_law(rng), arms, effect),
        effect=effect,
        shares=(1 / arms,) * arms if allocation == "uniform" else draw_shares(rng, arms),
        horizon=horizon,
        strata=strata,
        gaps=tuple(gaps),
        policy=allocation,
        people=people,
        costs=(log_uniform(rng, 0.01, 0.5), log_uniform(rng, 0.1, 5.0)),
    )


def drawn(design: Design, rng: np.random.Generator) -> Drawn:
    """One life's rows."""
    if design.policy in POLICIES and design.policy != "uniform":
        rounds = play(design, rng)
        return Drawn(rounds, np.arange(len(rounds.arm)))
    world = world_of(design)
    # People come and go: their decisions do not lie one beside the other.
    person = rng.permutation(np.repeat(np.arange(design.horizon), design.people.counts(rng, design.horizon)))
    segment = rng.choice(design.strata, design.horizon, p=world.mix)[person]
    pmf = chances(design, world)[segment]
    arm = (rng.random(len(person))[:, None] >= pmf.cumsum(axis=1)).sum(axis=1).clip(0, design.arms - 1)
    reward = _rewards(design, world, (person, segment, arm), rng)
    return Drawn(Played(np.zeros(len(arm), dtype=int), segment, arm, pmf, reward), person)


def chances(design: Design, world: World) -> Floats:
    """(G, K) probabilities: the design's shares in another order in each stratum, none where an arm is not eligible."""
    shares = np.array(design.shares)
    rows = shares if design.policy == "uniform" else np.stack([np.roll(shares, g) for g in range(design.strata)])
    kept = np.where(world.eligible, rows, 0.0)
    return np.asarray(kept / kept.sum(axis=1, keepdims=True))


def _rewards(
    design: Design, world: World, codes: tuple[np.ndarray, np.ndarray, np.ndarray], rng: np.random.Generator
) -> Floats:
    """(n,): a share `correlation` of a person's decisions repeats what the person does anyway under that arm."""
    person, segment, arm = codes
    steady, reward = rng.random(len(person)) < design.people.correlation, np.zeros(len(person))
    for k, laws in enumerate(world.laws):
        for g, law in enumerate(laws):
            mine = np.flatnonzero((arm == k) & (segment == g))
            own = law.values(rng, len(mine))
            if design.people.index:
                usual = law.values(rng, design.horizon)
                own = np.where(steady[mine], usual[person[mine]], own)
            reward[mine] = own
    return reward


def log_of_life(design: Design, seen: Drawn) -> Log:
    """The rows as a log."""
    names, rounds = [f"a{k}" for k in range(design.arms)], seen.rounds
    metric = "reengagement" if design.laws[0].binary else "revenue"
    columns: dict[str, object] = {
        "arm": np.array(names)[rounds.arm],
        "segment": rounds.segment.astype(str),
        metric: rounds.reward,
        "person": seen.person,
        "hour": np.arange(len(rounds.arm), dtype=float),
    }
    open_ = rounds.pmf > 0
    if design.policy not in ("uniform", "within"):
        columns["p"] = rounds.pmf[np.arange(len(rounds.arm)), rounds.arm]
        columns["pmf"] = [row[kept].tolist() for row, kept in zip(rounds.pmf, open_, strict=True)]
        sets = {key: [n for n, k in zip(names, key, strict=True) if k] for key in set(map(tuple, open_.tolist()))}
        columns["eligible"] = [sets[tuple(row)] for row in open_.tolist()]
    table = pa.table(columns)
    spec = _spec(design, metric, gapped=not bool(open_.all()))
    return log_of(ArrowSource(table.schema, table.to_batches), spec, Threads(1))


def _spec(design: Design, metric: str, *, gapped: bool) -> LogSpec:
    logged = design.policy not in ("uniform", "within")
    contact, reward = design.costs
    priced = metric == "revenue" and design.policy == "uniform"
    arms = [
        Arm(f"a{k}", contact_cost=contact * (k > 0) * priced, reward_cost=reward * (k > 0) * priced)
        for k in range(design.arms)
    ]
    within = ("segment",) if design.policy == "within" else None
    return LogSpec(
        "made up",
        ("arm",),
        PropensitySpec(design.policy == "uniform", "p" if logged else None, within),
        {metric: metric},
        ObjectiveSpec(metric, range=None if metric == "reengagement" else design.laws[0].limits),
        control="a0",
        unit="person" if design.people.index else "",
        time="hour" if design.people.index or design.policy not in ALLOCATIONS else "",
        eligible="eligible" if logged and gapped else "",
        pmf="pmf" if logged else "",
        categorical=FEATURES.categorical,
        segments=("segment",) if design.strata > 1 else (),
        arms=tuple(arms),
    )
