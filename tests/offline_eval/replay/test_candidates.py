"""One suite over every candidate policy."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from offline_eval.candidates import LEARNERS, build_candidate, default_names, expand, training_rows
from offline_eval.candidates.spread import OtherLog
from offline_eval.candidates.training import Training
from offline_eval.models.crossfit import fold_of

NAMES = ("uniform", "logging", "fixed:five", "rules", "plug_in", "plug_in:means", *LEARNERS, "online:linucb")


@pytest.fixture(scope="module")
def limited(make):
    """A log in which `ten` and `five` were not always eligible."""
    frame = make.frame(900, 5)
    able = [sorted({"none", offer, *(["five"] if i % 3 else [])}) for i, offer in enumerate(frame.offer)]
    pmf = [[1.0 / len(names)] * len(names) for names in able]
    return make.log(frame.assign(able=able, pmf=pmf, p=[p[0] for p in pmf]), make.spec(eligible="able", pmf="pmf"))


@pytest.fixture(scope="module")
def training(limited) -> Training:
    return training_rows(limited)


@pytest.fixture(scope="module", params=NAMES)
def candidate(request, limited, training):
    return build_candidate(request.param, limited, lambda: training)


def test_a_pmf_over_the_eligible_arms(candidate, training):
    target = candidate.target(training.rows)
    np.testing.assert_allclose(target.sum(axis=1), 1.0, atol=1e-9)
    assert (target >= 0).all()
    assert (target[~training.rows.eligible] == 0).all()


def test_the_chosen_arms_probability_is_the_pmfs(candidate, training):
    rows = training.rows
    np.testing.assert_allclose(candidate.chosen(rows), candidate.target(rows)[np.arange(len(rows)), rows.arm])


def test_it_says_the_same_of_a_row_in_any_company(candidate, training):
    some = np.arange(len(training.rows))[::-7]
    np.testing.assert_allclose(candidate.target(training.rows.take(some)), candidate.target(training.rows)[some])


def test_it_survives_the_way_to_another_process(candidate, training):
    rows = training.rows.take(slice(0, 100))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(candidate)).target(rows), candidate.target(rows))


def test_what_was_wanted_and_could_not_be_had(candidate, limited, training):
    missed = candidate.fallback(training.rows)
    if missed is not None:
        assert missed.any()
        assert (candidate.target(training.rows)[missed, limited.keys.index("none")] == 1).all()


@pytest.mark.parametrize("name", ["squarecb", "plug_in", "thompson"])
def test_no_unit_is_judged_by_who_learned_from_it(limited, training, name):
    """Turning over what one fold of units earned never changes what that fold is shown."""
    folds = 5 if name == "plug_in" else 2
    own = fold_of(training.rows.unit, folds) == 0
    reward = np.where(own, 1.0 - training.rows.reward, training.rows.reward)
    turned = Training(replace(training.rows, reward=reward), None)
    one, two = (build_candidate(name, limited, lambda t=t: t).target(training.rows) for t in (training, turned))
    np.testing.assert_array_equal(one[own], two[own])
    assert not np.array_equal(one[~own], two[~own])


def test_groups_of_names(known_log):
    assert expand(known_log, ["fixed"]) == ["fixed:five", "fixed:none", "fixed:ten"]
    assert set(LEARNERS) < set(expand(known_log, ["all"]))
    assert set(expand(known_log, ["learned"])) == {"plug_in", *LEARNERS}
    assert {"logging", "uniform", "rules", "squarecb"} < set(default_names(known_log))


def test_the_split_leaves_about_half(frame, make):
    training = training_rows(make.log(frame, make.spec(time="day", time_unit="d")))
    (rows,) = training.parts()
    assert len(rows) == pytest.approx(len(frame) / 2, rel=0.02)
    assert rows.time.max() < training.split


def test_a_long_log_is_sampled_by_whole_units(frame, make):
    back = frame.assign(customer=np.arange(len(frame)) // 4, day=np.arange(len(frame)))
    training = training_rows(make.log(back, make.spec(time="day")), 1000)
    assert 500 < len(training.rows) < 1500
    assert (np.unique(training.rows.unit, return_counts=True)[1] == 4).all()


def test_shares_of_another_log_follow_its_slots(make):
    frame = make.frame(1000, 1).assign(slot=lambda f: np.arange(1000) % 2)
    frame.loc[frame.slot == 0, "offer"] = "none"
    log = make.log(frame, make.spec(position="slot", propensity={"within": ["slot"]}))
    (rows,) = log.batches()
    target = OtherLog.of("like", [rows], log.keys, log.keys).target(rows)
    assert (target[::2, log.keys.index("none")] == 1.0).all()
    share = (frame[frame.slot == 1].offer == "ten").mean()
    np.testing.assert_allclose(target[1::2, log.keys.index("ten")], share)
