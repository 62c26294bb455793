"""Budget pacing against a hard stop, in a simulated campaign on the caller's clock through the real service.

The same units come to the same SquareCB, with the same salt, once with `pacing: even` and once with `none`: the budget
pays for a third of what the policy would spend by itself. Two worlds: rewards paid at the decision, and on redemption
(attribution window of six hours). Every hour the worker joins, learns, settles and prices, as it does by the clock.

    python -m benchmarks.pacing [--seeds N] [--days N] [--hourly N] [--cost-on decision|redeemed] [--json FILE]
"""

import argparse
import asyncio
import json
import math
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import t as student

import migrations
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.services.clocking import advance_clock
from experiments.services.deciding.messages import Assignment
from experiments.services.deciding.messages import Decision as Answer
from experiments.services.designing.definitions import create_experiment
from experiments.services.designing.steering import move_experiment
from experiments.services.opening import Service, open_service
from experiments.services.recording.messages import Outcome
from experiments.services.verifying import verify
from experiments.settings import Settings
from experiments.views.budgets import budget

START = datetime(2026, 3, 2, tzinfo=UTC)
MARGIN, VALUE, COST, CONTACT = 0.5, 40.0, 5.0, 0.02
KINDS, SHARES = ("often", "sometimes", "never"), (0.3, 0.3, 0.4)
CHANCES = {
    "decision": {"often": (0.05, 0.50), "sometimes": (0.05, 0.36), "never": (0.05, 0.08)},
    "redeemed": {"often": (0.05, 0.50), "sometimes": (0.30, 0.46), "never": (0.05, 0.08)},
}
"""Chance to buy without and with the coupon, by what falls due when: a coupon is worth it to the first two kinds."""
HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 7, 9, 9, 8, 8, 9, 8, 8, 8, 9, 11, 14, 16, 15, 11, 6, 3], dtype=float)


class World(NamedTuple):
    """A campaign: how long, how busy, what falls due when."""

    days: int
    hourly: float
    cost_on: str

    @property
    def amount(self) -> float:
        """A third of what coupons for everybody who is worth one would cost at once."""
        each = [share * self.cost(kind) for kind, share in zip(KINDS[:2], SHARES, strict=False)]
        return round(self.days * 24 * self.hourly * sum(each) / 3, 2)

    def cost(self, kind: str) -> float:
        """What a coupon costs, on average."""
        return CONTACT + COST * (1.0 if self.cost_on == "decision" else CHANCES[self.cost_on][kind][1])


class Outcomes(NamedTuple):
    """What came of one campaign."""

    spent: float
    realised: float
    net: float
    exhausted: float
    different: int


def definition(world: World, seed: int, pacing: str) -> dict[str, Any]:
    """The experiment; net value is learned once the attribution window closes."""
    ends = START + timedelta(days=world.days)
    return {
        "key": "campaign",
        "clock": "caller",
        "salt": f"{seed:032x}",
        "objective": {"maximise": "net_value", "margin": MARGIN},
        "attribution_window": "PT6H",
        "decision_window": "P365D",
        "grace": "PT0S",
        "context": {"numeric": ["noise"], "categorical": ["kind"]},
        "arms": [
            {"key": "nothing"},
            {"key": "coupon", "reward_cost": COST, "contact_cost": CONTACT, "cost_on": world.cost_on},
        ],
        "variants": [{"key": "v", "share": 1, "policy": {"name": "squarecb", "floor": 0.01}}],
        "budget": {"amount": world.amount, "ends_at": ends.isoformat(), "pacing": pacing},
    }


async def campaign(world: World, seed: int, pacing: str) -> Outcomes:
    """Run one campaign to its end and until everything has matured."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/p.db", database_timeout=20, lease_seconds=600)
        migrations.upgrade(settings.database_url)
        service, worker = open_service(settings), WorkerContext(settings)
        try:
            create_experiment(service.engine, SYSTEM, definition(world, seed, pacing))
            move_experiment(service.engine, SYSTEM, "campaign", "start")
            await service.start()
            return await _run(world, seed, service, worker)
        finally:
            worker.close()
            await service.close()


async def _run(world: World, seed: int, service: Service, worker: WorkerContext) -> Outcomes:
    rng, net, last_paid = np.random.default_rng(seed), 0.0, 0.0
    shape = HOURS / HOURS.mean() * world.hourly
    for hour in range(world.days * 24):
        at = START + timedelta(hours=hour)
        kinds = rng.choice(KINDS, rng.poisson(shape[hour % 24]), p=SHARES)
        draws = rng.random(len(kinds))
        asked = [
            Assignment(f"u{hour}-{n}", {"kind": str(kind), "noise": float(draws[n - 1])}, at=at + timedelta(minutes=5))
            for n, kind in enumerate(kinds)
        ]
        answers = await service.hot.decider.decide_many(SYSTEM, "campaign", asked)
        told = []
        for kind, u, answer in zip(kinds, draws, answers, strict=True):
            assert isinstance(answer, Answer), answer
            chance = CHANCES[world.cost_on][str(kind)][answer.arm == "coupon"]
            net += _net(world, str(kind), answer.arm == "coupon")
            last_paid = hour + 1 if answer.arm == "coupon" else last_paid
            if u < chance:
                told += _told(answer, at + timedelta(minutes=20))
        await service.hot.recorder.record(SYSTEM, told)
        _work(service, worker, at + timedelta(minutes=59))
    ended = budget(service.engine, SYSTEM, "campaign")
    _work(service, worker, START + timedelta(days=world.days + 1))
    final = budget(service.engine, SYSTEM, "campaign")
    different = verify(service.engine, SYSTEM, "campaign").different
    return Outcomes(ended["committed"], final["realised"], net, last_paid / (world.days * 24), different)


def _net(world: World, kind: str, contacted: bool) -> float:
    """The true net value of a decision."""
    return MARGIN * VALUE * CHANCES[world.cost_on][kind][contacted] - contacted * world.cost(kind)


def _told(answer: Answer, at: datetime) -> list[Outcome]:
    name = answer.decision_id or ""
    bought = Outcome(f"{name}-r", "revenue", at, decision_id=name, value=VALUE)
    redeemed = Outcome(f"{name}-c", "reward_redeemed", at, decision_id=name)
    return [bought, redeemed] if answer.arm == "coupon" else [bought]


def _work(service: Service, worker: WorkerContext, at: datetime) -> None:
    """What the worker does by the clock, once each."""
    lease = worker.leaseholder.hold()
    assert lease is not None
    micros = int(at.timestamp()) * 1_000_000
    advance_clock(service.engine, SYSTEM, "campaign", micros)
    worker.joiner.run(lease, micros)
    worker.learner.run(lease)
    worker.pacer.run(lease, micros)


def report(world: World, seeds: int) -> dict[str, Any]:
    """One row of the table: paired over seeds."""
    pairs = []
    for seed in range(seeds):
        even = asyncio.run(campaign(world, seed + 1, "even"))
        pairs.append((even, asyncio.run(campaign(world, seed + 1, "none"))))
        print(f"  seed {seed + 1}: {even.net / even.spent:.3f} against {pairs[-1][1].net / pairs[-1][1].spent:.3f}")
    gains = np.array([(even.net - hard.net) / world.amount for even, hard in pairs])
    many = len(gains)
    half = float(student.ppf(0.975, many - 1)) * gains.std(ddof=1) / math.sqrt(many) if many > 1 else math.inf
    return {
        "cost_on": world.cost_on,
        "amount": world.amount,
        "seeds": seeds,
        "off_at_end": max(abs(even.spent / world.amount - 1.0) for even, _ in pairs),
        "realised": float(np.mean([even.realised / world.amount for even, _ in pairs])),
        "realised_off": max(abs(even.realised / world.amount - 1.0) for even, _ in pairs),
        "paced": float(np.mean([even.net / even.spent for even, _ in pairs])),
        "hard": float(np.mean([hard.net / hard.spent for _, hard in pairs])),
        "gain": float(gains.mean()),
        "lower": float(gains.mean() - half),
        "upper": float(gains.mean() + half),
        "paced_until": float(np.mean([even.exhausted for even, _ in pairs])),
        "hard_until": float(np.mean([hard.exhausted for _, hard in pairs])),
        "different": sum(each.different for pair in pairs for each in pair),
    }


def main(arguments: list[str] | None = None) -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--hourly", type=float, default=20.0)
    parser.add_argument("--cost-on", nargs="+", choices=list(CHANCES), default=list(CHANCES))
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    rows = [report(World(chosen.days, chosen.hourly, cost_on), chosen.seeds) for cost_on in chosen.cost_on]
    print(
        "| reward falls due | budget | committed at the end date, worst | finally paid, worst "
        "| net value per unit: paced | hard stop | gain per unit of budget (95 %) "
        "| paced spends until | hard stop until | decisions that differ |"
    )
    print("|---" * 10 + "|")
    for row in rows:
        print(
            f"| {row['cost_on']} | {row['amount']:,.0f} | {row['off_at_end']:.2%} off "
            f"| {row['realised']:.1%}, {row['realised_off']:.2%} off "
            f"| {row['paced']:.3f} | {row['hard']:.3f} | {row['gain']:+.3f} [{row['lower']:+.3f}, {row['upper']:+.3f}] "
            f"| {row['paced_until']:.0%} of the time | {row['hard_until']:.0%} | {row['different']} |"
        )
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
