"""How often intervals of replays miss on the log of a policy that learned: `python -m benchmarks.replay_learners`.

The five policies of `readout_adaptive` move the traffic of 5,000 decisions between four arms, by what they earn in two
segments, with a floor of .03. Every arm is then judged as a policy for everybody, and against what the log earned.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bandit.rounds import Arm
from benchmarks.readout_adaptive import ARMS, POLICIES, RATES, Choose, played
from benchmarks.readout_tally import Rate, table
from offline_eval.engine import Threads
from offline_eval.judging.claim import Claim
from offline_eval.logs.log import Log, log_of
from offline_eval.logs.sources import ArrowSource
from offline_eval.logs.spec import LogSpec, ObjectiveSpec, PropensitySpec
from offline_eval.replay import Options, replay

SNAPSHOTS = 10
ESTIMATORS = ("ips", "snips", "dr")
CLAIMS = {"the rule": Claim(), "--anytime": Claim(anytime=True)}

WORLDS = {"one arm is best": RATES, "arms are alike": np.full(RATES.shape, 0.13), "alike and rare": RATES * 0 + 0.01}

SPEC = LogSpec(
    "learned",
    ("arm",),
    PropensitySpec(False, "p", None),
    {"reengagement": "reengagement"},
    ObjectiveSpec("reengagement"),
    control=ARMS[0],
    time="hour",
    pmf="pmf",
    categorical=("segment",),
    arms=tuple(map(Arm, ARMS)),
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """The log of one life, and what its own choices were worth on average."""

    log: Log
    earned: float


def lived(rates: np.ndarray, choose: Choose, rng: np.random.Generator) -> Campaign:
    """A policy that learns after each snapshot."""
    parts = list(played(rates, choose, rng, SNAPSHOTS))
    earned = float(np.mean([(part.shares * rates).sum(axis=1).mean() for part in parts]))
    arm, segment, pmf, reward = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("arm", "segment", "pmf", "reward")
    )
    columns = {
        "arm": np.array(ARMS)[arm],
        "segment": segment.astype(str),
        "p": pmf[np.arange(len(arm)), arm],
        "pmf": pmf.tolist(),
        "reengagement": reward,
        "hour": np.arange(len(arm), dtype=float),
    }
    made = pa.table(columns)
    return Campaign(log_of(ArrowSource(made.schema, made.to_batches), SPEC, Threads(1)), earned)


Key = tuple[str, str, str]
"""(estimator, whose interval, of what)."""


def measured(rates: np.ndarray, place: int, lives: int) -> dict[str, dict[Key, Rate]]:
    """By policy: how often the truth was in the interval, where one was shown."""
    found: dict[str, dict[Key, Rate]] = {}
    for number, (name, choose) in enumerate(POLICIES.items()):
        tallies = found.setdefault(name, {})
        for run in range(lives):
            _score(lived(rates, choose, np.random.default_rng([31, place, number, run])), rates, tallies)
    return found


def _score(campaign: Campaign, rates: np.ndarray, tallies: dict[Key, Rate]) -> None:
    means = rates.mean(axis=0)
    for whose, claim in CLAIMS.items():
        told = replay(campaign.log, ["fixed"], ESTIMATORS, options=Options(engine=Threads(1), claim=claim))
        for name, policy in told["policies"].items():
            if name == "logging":
                continue
            truth = float(means[ARMS.index(name.removeprefix("fixed:"))])
            for estimator in ESTIMATORS:
                value, gap = policy["estimates"][estimator], policy["versus_logging"][estimator]
                for what, estimate, right in (("value", value, truth), ("difference", gap, truth - campaign.earned)):
                    if estimate["lower"] is not None:
                        width = estimate["upper"] - estimate["lower"]
                        rate = tallies.setdefault((estimator, whose, what), Rate())
                        rate.add(estimate["lower"] <= right <= estimate["upper"], width)


def rows(lives: int) -> Iterator[str]:
    """world | estimator | whose | of what | covers | bounds | intervals | least of a policy | width."""
    for place, (world, rates) in enumerate(WORLDS.items()):
        found = measured(rates, place, lives)
        for key in next(iter(found.values())):
            by_policy = {name: tallies[key] for name, tallies in found.items() if key in tallies}
            whole = Rate(*(sum(getattr(r, part) for r in by_policy.values()) for part in ("hits", "tries", "width")))
            least, rate = min(by_policy.items(), key=lambda pair: pair[1].value)
            told = f"{whole.told()} | {rate.value:.3f} ({least}) | {whole.mean_width:.4f}"
            yield f"{world} | {' | '.join(key)} | {told}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=int, default=30, help="of each world and policy")
    lives, start = parser.parse_args().lives, time.perf_counter()
    header = "world | estimator | interval | of | covers | 99.9 % bounds | intervals | least of a policy | mean width"
    table("Intervals of replays on logs of policies that learned, nominal 95 %", header, rows(lives))
    print(f"\n{time.perf_counter() - start:.0f} s on one core.", file=sys.stderr)


if __name__ == "__main__":
    main()
