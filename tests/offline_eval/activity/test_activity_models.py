"""Laws of the models of activity, for everything in ACTIVITY_MODELS."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.integrate import quad
from scipy.stats import beta, gamma

from offline_eval.activity import ACTIVITY_MODELS, Histories, HistoryError, Visits, visits_of
from offline_eval.activity.bg_nbd import BgNbd
from offline_eval.activity.calibration import calibration_error, reliability
from offline_eval.activity.lapsing import Lapsing
from offline_eval.activity.mbg_nbd import MbgNbd
from tests.examples import few

TRUTH = {
    "bg_nbd": {"r": 0.6, "alpha": 10.0, "a": 0.8, "b": 2.5},
    "mbg_nbd": {"r": 0.6, "alpha": 10.0, "a": 0.8, "b": 2.5},
    "lapsing": {"r": 0.6, "alpha": 10.0, "a": 0.8, "b": 2.5, "rho": 0.05},
}
FITTED = {name: kind(**TRUTH[name]) for name, kind in ACTIVITY_MODELS.items()}
everything = pytest.mark.parametrize("name", ACTIVITY_MODELS)


def simulate(name, units, days, rng):
    """(unit, time) of visits in [0, days) in continuous time, by the story of the model."""
    truth, rho = TRUTH[name], TRUTH[name].get("rho", 0.0)
    rate = rng.gamma(truth["r"], 1.0 / truth["alpha"], units)
    chance = rng.beta(truth["a"], truth["b"], units)
    clock, gone = rng.uniform(0.0, 10.0, units), np.zeros(units, dtype=bool)
    owners, times = [np.arange(units)], [clock.copy()]
    if name == "mbg_nbd":
        gone |= rng.random(units) < chance
    pending = np.arange(units)
    while len(pending):
        speed = np.where(gone[pending], rho * rate[pending], rate[pending])
        clock[pending] += np.where(speed > 0, rng.exponential(1.0, len(pending)) / np.maximum(speed, 1e-300), np.inf)
        pending = pending[clock[pending] < days]
        owners.append(pending)
        times.append(clock[pending].copy())
        gone[pending] |= rng.random(len(pending)) < chance[pending]
    return np.concatenate(owners), np.concatenate(times)


def visits_until(owners, times, end):
    return visits_of(owners, np.round(times * 1e6).astype(np.int64), int(end * 1e6))[0].scaled(1e-6)


@pytest.fixture(scope="module", params=ACTIVITY_MODELS)
def campaign(request):
    """20,000 units of one model's own story, watched for 60 days and for 60 more."""
    rng = np.random.default_rng(5)
    owners, times = simulate(request.param, 20_000, 120.0, rng)
    came = np.unique(owners[times > 60.0])
    return request.param, visits_until(owners, times, 60.0), np.isin(np.arange(20_000), came)


def test_what_made_the_visits_is_found_again(campaign):
    name, visits, came = campaign
    model = ACTIVITY_MODELS[name].fit(visits)
    found, truth = model.parameters(), TRUTH[name]
    assert found["r"] == pytest.approx(truth["r"], rel=0.15)
    assert found["alpha"] == pytest.approx(truth["alpha"], rel=0.2)
    mean = found["a"] / (found["a"] + found["b"])
    assert mean == pytest.approx(truth["a"] / (truth["a"] + truth["b"]), rel=0.2)
    if "rho" in truth:
        assert found["rho"] == pytest.approx(truth["rho"], rel=0.3)
    bins = reliability(model.active(visits, 60.0), came, alpha=0.001)
    assert all(each.lower <= each.predicted <= each.upper for each in bins)
    assert calibration_error(bins) < 0.015


def test_the_likelihood_is_highest_where_the_gradient_vanishes(campaign):
    name, visits, _ = campaign
    kind = ACTIVITY_MODELS[name]
    rows, counts = visits.scaled(1.0 / 30.0).distinct()
    logs = np.log(list(kind.fit(visits.scaled(1.0 / 30.0)).parameters().values()))
    _, gradient = kind.log_likelihood(logs, rows)
    assert np.abs(gradient @ counts / counts.sum()).max() < 1e-3


def test_equal_histories_may_be_counted(campaign):
    name, visits, _ = campaign
    kind, logs = ACTIVITY_MODELS[name], np.log(list(TRUTH[name].values()))
    whole, _ = kind.log_likelihood(logs, visits)
    rows, counts = visits.distinct()
    counted, _ = kind.log_likelihood(logs, rows)
    assert len(rows) < len(visits)
    assert counted @ counts == pytest.approx(whole.sum(), rel=1e-10)


def test_the_unit_of_time_does_not_matter(campaign):
    name, visits, _ = campaign
    some = visits.chosen(np.arange(len(visits)) < 3000)
    days, hours = ACTIVITY_MODELS[name].fit(some), ACTIVITY_MODELS[name].fit(some.scaled(24.0))
    assert hours.parameters() == pytest.approx({**days.parameters(), "alpha": 24.0 * days.parameters()["alpha"]})
    assert hours.active(some.scaled(24.0), 240.0) == pytest.approx(days.active(some, 10.0))


def gaps(count):
    return hnp.arrays(np.float64, count, elements=st.floats(0.1, 50.0))


visit_lists = st.integers(0, 8).flatmap(lambda count: st.tuples(gaps(count), st.floats(0.1, 100.0)))


def one(lengths, silence):
    """A unit with these gaps between its visits, and this silence since."""
    times = np.concatenate([[0.0], np.cumsum(lengths)])
    return Visits.of(times, np.array([0]), np.array([times[-1] + silence]))


@everything
@given(drawn=visit_lists)
@few(30)
def test_gradients_are_differences(name, drawn):
    kind, visits = ACTIVITY_MODELS[name], one(*drawn)
    logs = np.log(list(TRUTH[name].values()))
    _, gradient = kind.log_likelihood(logs, visits)
    for place in range(len(logs)):
        step = np.eye(len(logs))[place] * 1e-6
        up, down = kind.log_likelihood(logs + step, visits)[0], kind.log_likelihood(logs - step, visits)[0]
        assert gradient[place] == pytest.approx((up - down) / 2e-6, abs=1e-5)


@everything
@given(drawn=visit_lists, horizon=st.floats(0.01, 300.0))
@few(40)
def test_probabilities_are_probabilities_and_grow_with_the_horizon(name, drawn, horizon):
    model, visits = FITTED[name], one(*drawn)
    alive, active, longer = model.alive(visits), model.active(visits, horizon), model.active(visits, 2 * horizon)
    assert 0.0 <= alive[0] <= 1.0
    assert 0.0 <= active[0] <= longer[0] <= 1.0
    assert model.active(visits, 0.0)[0] == pytest.approx(0.0, abs=1e-12)
    expected = model.expected(visits, horizon)[0]
    # A unit that is counted at least once is counted once at least.
    assert active[0] <= expected * (1 + 1e-6) + 1e-9
    assert expected <= model.expected(visits, 2 * horizon)[0] + 1e-9


@everything
@given(drawn=visit_lists, more=st.floats(0.1, 100.0))
@few(40)
def test_silence_never_makes_a_unit_livelier(name, drawn, more):
    lengths, silence = drawn
    model = FITTED[name]
    assert model.alive(one(lengths, silence + more))[0] <= model.alive(one(lengths, silence))[0] + 1e-12


@given(silence=st.floats(0.1, 1000.0))
def test_who_has_not_returned_yet(silence):
    first = one([], silence)
    assert FITTED["bg_nbd"].alive(first)[0] == 1.0
    assert FITTED["lapsing"].alive(first)[0] == 1.0
    assert FITTED["mbg_nbd"].alive(first)[0] < 1.0


@given(drawn=visit_lists)
@example(drawn=(np.array([0.109375] * 7 + [49.0]), 2.0))  # a lapse explains the gap a million times better than none
def test_lapsing_to_nothing_is_bg_nbd(drawn):
    visits, plain = one(*drawn), FITTED["bg_nbd"]
    vanishing = Lapsing(plain.r, plain.alpha, plain.a, plain.b, 1e-30)
    assert vanishing.alive(visits) == pytest.approx(plain.alive(visits), abs=1e-6)
    assert vanishing.active(visits, 30.0) == pytest.approx(plain.active(visits, 30.0), abs=1e-6)
    assert vanishing.expected(visits, 30.0) == pytest.approx(plain.expected(visits, 30.0), abs=1e-6)


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd])
@pytest.mark.parametrize("a", [0.3, 0.9999, 1.0, 1.0001, 3.0])
@pytest.mark.parametrize("x", [0, 4])
def test_the_expectation_is_the_integral(kind, a, x):
    """E[(1 - exp(-λ p t)) / p] over the posterior of a unit that is alive."""
    model, histories = kind(0.5, 12.0, a, 2.0), Histories(np.array([x * 1.0]), np.array([x * 5.0]), np.array([40.0]))
    chances, horizon = x + kind.first_chance, 25.0

    def given_p(p):
        rate = gamma(model.r + x, scale=1.0 / (model.alpha + 40.0))
        laplace = (1.0 + p * horizon / (model.alpha + 40.0)) ** -(model.r + x)
        return (1.0 - laplace) / p * beta(a, model.b + chances).pdf(p) if p > 1e-9 else rate.mean() * horizon

    whole = quad(given_p, 0.0, 0.05, limit=200)[0] + quad(given_p, 0.05, 1.0, limit=200)[0]
    assert model.expected(histories, horizon)[0] / model.alive(histories)[0] == pytest.approx(whole, rel=1e-4)


@everything
def test_ten_thousand_visits_overflow_nothing(name):
    eager = one(np.full(10_000, 0.01), 1.0)
    model = FITTED[name]
    assert np.isfinite(model.expected(eager, 50.0)).all()
    assert 0.0 <= model.active(eager, 50.0)[0] <= 1.0
    value, gradient = ACTIVITY_MODELS[name].log_likelihood(np.log(list(TRUTH[name].values())), eager)
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()


@everything
def test_nobody_is_no_problem(name):
    nobody, _ = visits_of(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 5)
    model = FITTED[name]
    assert model.alive(nobody).shape == model.active(nobody, 3.0).shape == model.expected(nobody, 3.0).shape == (0,)


@everything
def test_without_returns_there_is_nothing_to_learn(name):
    with pytest.raises(HistoryError, match="rhythm"):
        ACTIVITY_MODELS[name].fit(one([], 10.0))


@pytest.mark.parametrize(
    ("x", "last", "end"), [([1], [5], [4]), ([-1], [0], [4]), ([0], [1], [4]), ([1], [np.nan], [4]), ([1, 2], [1], [4])]
)
def test_histories_that_cannot_be(x, last, end):
    with pytest.raises(HistoryError):
        Histories(np.array(x, dtype=float), np.array(last, dtype=float), np.array(end, dtype=float))


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), min_size=1, max_size=60),
    st.integers(0, 30),
    st.randoms(),
)
def test_visits_are_the_distinct_days_up_to_the_end(rows, end, random):
    owners, times = (np.array(column) for column in zip(*rows, strict=True))
    visits, names = visits_of(owners, times, end)
    days = {unit: sorted({day for owner, day in rows if owner == unit and day <= end}) for unit in set(owners.tolist())}
    days = {unit: seen for unit, seen in days.items() if seen}
    assert names.tolist() == sorted(days)
    assert visits.frequency.tolist() == [len(days[unit]) - 1 for unit in names.tolist()]
    assert visits.recency.tolist() == [days[unit][-1] - days[unit][0] for unit in names.tolist()]
    assert visits.observed.tolist() == [end - days[unit][0] for unit in names.tolist()]
    random.shuffle(rows)
    again, _ = visits_of(*(np.array(column) for column in zip(*rows, strict=True)), end)
    assert again.times.tolist() == visits.times.tolist()
