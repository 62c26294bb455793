"""How often guardrails looked at in every cycle raise a false alarm, and how soon they see harm, over stored totals."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import binom
from sqlalchemy import Engine

from experiments.model.designing.definition import Definition
from experiments.model.designing.guardrails import ALPHA
from experiments.model.rollups import DECISIONS, UNITS
from experiments.model.tables.core import Experiment, Revision
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, reading, transaction
from experiments.store.rollups.tiers import PART, PARTS, CellKey, Increments, write_rollups
from experiments.views.monitoring.guardrails import assess

METRICS = (DECISIONS, UNITS, "unsubscribe", "revenue")
VARIANTS = ("loud", "mixed", "quiet")
PER_CYCLE = 150
FIXED = {"name": "fixed", "params": {"arm": "a"}}


@pytest.fixture
def embedded(sqlite_url: str) -> Iterator[Engine]:
    engine = engine_for(Settings(database_url=sqlite_url, database_timeout=5.0, _env_file=None))
    yield engine
    engine.dispose()


def begin(engine: Engine, number: int, control: str) -> None:
    """Two variants against a control that plays one arm, two guardrails: four ways to trip."""
    rules = [{"metric": "unsubscribe", "worst": 0.0}, {"metric": "revenue", "worst": 0.0}]
    variants = [{"key": key, "share": 1 / 3, "policy": FIXED} for key in VARIANTS]
    variants[2]["policy"] = {"name": "fixed", "params": {"arm": control}}
    document = {
        "key": f"e{number}",
        "arms": [{"key": "a"}, {"key": "nothing"}],
        "variants": variants,
        "control": "quiet",
        "guardrails": rules,
    }
    stored = Definition.model_validate(document).model_dump(mode="json")
    with transaction(engine) as session:
        head = {"salt": b"\x01" * 32, "status": "running", "definition": stored, "created_at": 0, "started_at": 0}
        session.add(Experiment(id=number, key=f"e{number}", **head))
        session.add(Revision(experiment_id=number, number=1, definition=stored, opened_at=0))


def lived(engine: Engine, number: int, rates: dict[str, float], cycles: int, control: str = "a") -> int | None:
    """The cycle in which a guardrail is first breached; None: in none."""
    begin(engine, number, control)
    rng, sums = np.random.default_rng([number, 3]), np.zeros((len(VARIANTS), len(METRICS), 3, 256))
    for cycle in range(1, cycles + 1):
        wave = np.stack([_wave(rng, rates[key]) for key in VARIANTS])
        sums += wave
        _store(engine, number, sums, wave, cycle == 1)
        with reading(engine) as session:
            found = assess(session, session.get_one(Experiment, number))
        if any(standing.status == "breached" for standing in found.standings):
            return cycle
    return None


def _wave(rng: np.random.Generator, rate: float) -> np.ndarray:
    """(metrics, statistics, buckets) of one cycle's units."""
    bucket = rng.integers(0, 256, PER_CYCLE)
    left = (rng.random(PER_CYCLE) < rate).astype(float)
    spent = np.where(rng.random(PER_CYCLE) < 0.3, rng.gamma(2.0, 10.0, PER_CYCLE), 0.0)
    ones = np.ones(PER_CYCLE)
    return np.stack([
        np.stack([np.bincount(bucket, weights, 256) for weights in ((each != 0).astype(float), each, each * each)])
        for each in (ones, ones, left, spent)
    ])  # fmt: skip


def _by_part(sums: np.ndarray) -> np.ndarray:
    """(variants x parts, metrics, statistics, 16)."""
    parts = sums.reshape(len(VARIANTS), len(METRICS), 3, PARTS, PART).transpose(0, 3, 1, 2, 4)
    return np.ascontiguousarray(parts).reshape(-1, len(METRICS), 3, PART)


def _store(engine: Engine, number: int, sums: np.ndarray, wave: np.ndarray, first: bool) -> None:
    """Totals as they are after a wave."""
    keys = [CellKey(1, key, "a", "", 0, part) for key in VARIANTS for part in range(PARTS)]
    rows = _by_part(sums).reshape(len(keys), -1)
    places = {name: place for place, name in enumerate(METRICS)}
    increments = Increments(places, list(METRICS) if first else [], keys, _by_part(wave), [])
    with transaction(engine) as session:
        write_rollups(session.connection(), number, increments, [row.astype("<f8").tobytes() for row in rows])


def _false_alarms(engine: Engine, lives: int, cycles: int) -> int:
    calm = dict.fromkeys(VARIANTS, 0.1)
    return sum(lived(engine, number, calm, cycles) is not None for number in range(1, lives + 1))


def test_few_false_alarms_and_soon_harm(embedded: Engine) -> None:
    trips = _false_alarms(embedded, 25, 15)
    assert binom.sf(trips - 1, 25, ALPHA) > 0.001, trips
    harm = {"loud": 0.3, "mixed": 0.1, "quiet": 0.1}
    delays = [lived(embedded, 1000 + number, harm, 15) for number in range(5)]
    # 50 events of the control at 10 % are four cycles of 150; then 20 points are plain.
    assert all(delay is not None and delay <= 8 for delay in delays), delays


@pytest.mark.parametrize("lives", [15, pytest.param(300, marks=pytest.mark.proof)])
def test_rare_events_are_guarded_too(embedded: Engine, lives: int) -> None:
    """Exact test and interval together: few A/A lives trip, and harm is seen before the control has fifty events."""
    calm, harm = dict.fromkeys(VARIANTS, 0.005), {"loud": 0.05, "mixed": 0.005, "quiet": 0.005}
    trips = sum(lived(embedded, 1 + number, calm, 15, "nothing") is not None for number in range(lives))
    assert binom.sf(trips - 1, lives, ALPHA) > 0.001, trips
    delays = sorted(lived(embedded, 5000 + number, harm, 15, "nothing") or 99 for number in range(5))
    print(f"{trips} of {lives} A/A lives tripped; harm in cycles {delays}")
    # The control's 50 events at 0.5 % would take 67 cycles of 150.
    assert delays[-1] <= 12, delays


@pytest.mark.proof
def test_false_alarms_over_whole_lives(embedded: Engine) -> None:
    """An A/A experiment ever trips any of its guardrails in at most 5 %: exact bound at 99.9 %."""
    trips, lives = _false_alarms(embedded, 400, 40), 400
    print(f"{trips} of {lives} A/A lives tripped in 40 cycles")
    assert binom.sf(trips - 1, lives, ALPHA) > 0.001, trips
    for harm in (0.12, 0.15, 0.2, 0.3):
        rates = {"loud": harm, "mixed": 0.1, "quiet": 0.1}
        delays = sorted(lived(embedded, int(10_000 * harm * 10) + n, rates, 60) or 99 for n in range(20))
        print(f"harm {harm:.0%} against 10 %: caught in {sum(d < 99 for d in delays)} of 20, median cycle {delays[10]}")
