"""Reliability, AUC and its interval; and the promise on CDNOW's purchases."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from benchmarks import cdnow
from offline_eval.activity import ACTIVITY_MODELS, DEFAULT_MODEL
from offline_eval.activity.calibration import auc, auc_difference, calibration_error, log_loss, reliability

CDNOW = Path(__file__).resolve().parents[4] / "shared" / "data" / "cdnow_master.txt.gz"

scored = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: len({truth for _, truth in rows}) == 2
)


@given(scored)
def test_auc_is_the_share_of_pairs_in_order(rows):
    came = [score for score, truth in rows if truth]
    stayed = [score for score, truth in rows if not truth]
    pairs = [1.0 if c > s else 0.5 if c == s else 0.0 for c in came for s in stayed]
    score, truth = (np.array(column) for column in zip(*rows, strict=True))
    assert auc(score.astype(float), truth) == pytest.approx(np.mean(pairs))


@given(scored, st.randoms())
def test_the_difference_is_that_of_the_aucs(rows, random):
    score, truth = (np.array(column) for column in zip(*rows, strict=True))
    if min(truth.sum(), (~truth).sum()) < 2:
        return
    other = np.array(random.sample(score.tolist(), len(score)), dtype=float)
    gap = auc_difference(score.astype(float), other, truth)
    assert gap.value == pytest.approx(auc(score.astype(float), truth) - auc(other, truth))
    assert gap.lower <= gap.value <= gap.upper


def test_the_interval_of_the_difference_covers():
    rng, covered, rounds = np.random.default_rng(8), 0, 400
    for _ in range(rounds):
        truth = rng.random(300) < 0.4
        scores = rng.normal(size=(2, 300)) + truth
        gap = auc_difference(*scores, truth)
        covered += gap.lower <= 0.0 <= gap.upper
    assert binomtest(covered, rounds, 0.95).pvalue > 1e-4


def test_bins_hold_everybody_once_and_true_probabilities_calibrate():
    rng = np.random.default_rng(9)
    probability = rng.beta(1, 3, 20_001)
    truth = rng.random(20_001) < probability
    bins = reliability(probability, truth, alpha=1e-4)
    assert sum(each.n for each in bins) == 20_001
    assert all(each.lower <= each.predicted <= each.upper for each in bins)
    assert calibration_error(bins) < 0.015
    assert calibration_error(reliability(probability**2, truth)) > 0.05
    assert log_loss(probability, truth) < log_loss(probability**2, truth)


@pytest.fixture(scope="module")
def purchases():
    if not CDNOW.exists():
        pytest.skip("CDNOW's purchases are not beside the project")
    return cdnow.read(CDNOW)


def test_cdnow_chooses_the_default_model_inside_the_first_39_weeks(purchases):
    customers, days = purchases
    first = customers[days < cdnow.WEEKS_39], days[days < cdnow.WEEKS_39]
    errors = {
        name: calibration_error(cdnow.judge(name, first, (cdnow.HALF, cdnow.WEEKS_39)).bins) for name in ACTIVITY_MODELS
    }
    assert min(errors, key=errors.get) == DEFAULT_MODEL


def test_cdnow_is_calibrated_and_ranked_better_than_by_recency(purchases):
    judged = cdnow.judge(DEFAULT_MODEL, purchases, (cdnow.WEEKS_39, 2 * cdnow.WEEKS_39))
    assert calibration_error(judged.bins) < 0.02
    recency = judged.visits.recency - judged.visits.observed
    assert auc_difference(judged.probability, recency, judged.truth).lower > 0.0
