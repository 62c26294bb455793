"""Contrasts within strata: post-stratified, with variances within strata."""

import numpy as np
import pytest
import statsmodels.api as sm

from benchmarks.readout_tally import Rate
from offline_eval.ab.logged import readout
from offline_eval.ab.logged.side import Side
from offline_eval.ab.logged.stratified import stratified
from offline_eval.ab.logged.sums import SideRows, pair_sums
from offline_eval.ab.logged.variances import variance_of
from tests.offline_eval.ab.made_logs import log_of

SHARES, RATES = np.array([0.25, 0.5, 0.8]), np.array([0.1, 0.3, 0.8])


def strata(seed, n=6000, lift=0.0):
    """Arms drawn within three strata that come back at very different rates."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    gift = rng.random(n) < SHARES[kind]
    back = (rng.random(n) < RATES[kind] + lift * gift).astype(int)
    named = {"arm": np.where(gift, "gift", "none"), "kind": np.array(["a", "b", "c"])[kind]}
    return named | {"back": back, "spend": np.zeros(n), "half": rng.choice(["x", "y"], n)}


def read(tmp_path, columns, **spec):
    return readout(log_of(tmp_path, columns, log={"propensity": {"within": ["kind"]}}, **spec))


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_a_regression_that_has_a_slope_for_each_stratum(tmp_path, seed):
    """HC2 of y ~ treated x (stratum - its share) is Neyman's within strata; the population's strata add the rest."""
    columns = strata(seed, lift=0.05)
    found = read(tmp_path, columns)["arms"]["gift"]["lift"]["reengagement"]["absolute"]
    t, y = (columns["arm"] == "gift").astype(float), columns["back"].astype(float)
    dummies = np.stack([columns["kind"] == kind for kind in "bc"], axis=1).astype(float)
    dummies -= dummies.mean(axis=0)
    fit = sm.OLS(y, np.column_stack([np.ones(len(t)), t, dummies, dummies * t[:, None]])).fit(cov_type="HC2")
    assert found["value"] == pytest.approx(fit.params[1], rel=1e-9)
    share = {kind: (columns["kind"] == kind).mean() for kind in "abc"}
    lift = {k: y[(columns["kind"] == k) & (t == 1)].mean() - y[(columns["kind"] == k) & (t == 0)].mean() for k in "abc"}
    between = sum(share[k] * (lift[k] - fit.params[1]) ** 2 for k in "abc") / len(t)
    low, high = found["lower"], found["upper"]
    error = (high - low) / 2
    assert error == pytest.approx(1.96 * (fit.bse[1] ** 2 + between) ** 0.5, rel=5e-3)


def test_variances_are_neymans_to_the_last_digits():
    columns = strata(11, 4000, lift=0.1)
    kind, treated = np.searchsorted(["a", "b", "c"], columns["kind"]), columns["arm"] == "gift"
    sides, parts, gaps = [], [], np.zeros(3)
    total = np.bincount(kind)
    for arm in (True, False):
        mine = treated == arm
        drawn = np.bincount(kind[mine])
        weight = (total / drawn)[kind[mine]]
        sides.append(SideRows(weight, columns["back"][mine][None].astype(float), None, 1, kind[mine], 3))
        groups = [columns["back"][mine & (kind == k)] for k in range(3)]
        parts += [(total[k] / 4000) ** 2 * np.var(group, ddof=1) / len(group) for k, group in enumerate(groups)]
        gaps += (1 if arm else -1) * np.array([group.mean() for group in groups])
    sums = pair_sums(4000, (sides[0], sides[1]))
    known = stratified([Side.of(sums, side, 0) for side in (0, 1)])
    shares = total / 4000
    between = float(shares @ (gaps - shares @ gaps) ** 2) / 4000
    assert variance_of(known) == pytest.approx(sum(parts) + between, rel=1e-9)


def test_it_is_narrower_than_with_given_probabilities_and_covers(tmp_path):
    rate, widths, segment = Rate(), [], Rate()
    for seed in range(150):
        columns = strata(1000 + seed, 2000)
        p = SHARES[np.searchsorted(["a", "b", "c"], columns["kind"])]
        columns["p"] = np.where(columns["arm"] == "gift", p, 1 - p)
        document = read(tmp_path, columns, segments={"by": ["half"]})
        e = document["arms"]["gift"]["lift"]["reengagement"]["absolute"]
        rate.add(e["lower"] <= 0 <= e["upper"])
        for part in document["segments"]["half"]["lift"].values():
            one = part["gift"]["absolute"]
            segment.add(one["lower"] <= 0 <= one["upper"])
        if seed < 10:
            given = readout(log_of(tmp_path, columns, log={"propensity": {"column": "p"}}))
            g = given["arms"]["gift"]["lift"]["reengagement"]["absolute"]
            widths.append((g["upper"] - g["lower"]) / (e["upper"] - e["lower"]))
    assert np.mean(widths) > 1.1
    assert rate.covers(0.94) != "**no**" and segment.covers(0.94) != "**no**"


def test_parts_and_the_mean_of_each_arm_are_over_the_population(tmp_path):
    columns = strata(7)
    document = read(tmp_path, columns, segments={"by": ["kind", "half"]})
    mean = document["arms"]["gift"]["metrics"]["reengagement"]
    parts = [(columns["kind"] == k, (columns["kind"] == k) & (columns["arm"] == "gift")) for k in "abc"]
    assert mean["value"] == pytest.approx(sum(k.mean() * columns["back"][m].mean() for k, m in parts), rel=1e-9)
    for k, value in zip(parts, "abc", strict=True):
        e = document["segments"]["kind"]["lift"][value]["gift"]["absolute"]
        control = k[0] & ~k[1]
        assert e["value"] == pytest.approx(columns["back"][k[1]].mean() - columns["back"][control].mean(), rel=1e-9)
