"""The laws of a replay."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from offline_eval.candidates import UnknownCandidateError
from offline_eval.candidates.spread import OtherLog
from offline_eval.engine import Threads
from offline_eval.judging.report import markdown
from offline_eval.logs import open_log, parse_spec, sources
from offline_eval.replay import Options, UnknownEstimatorError, replay

STATIC = ("uniform", "fixed:none", "fixed:five", "fixed:ten", "rules")


@pytest.fixture(scope="module")
def result(known_log):
    return replay(known_log, [*STATIC, "plug_in", "squarecb", "online:linucb"])


def estimates(result, policy, estimator):
    return result["policies"][policy]["estimates"][estimator]


def test_the_document_is_the_contracts(result):
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert set(result) >= {"log", "n", "policies"}
    for policy in result["policies"].values():
        assert set(policy) == {"estimates", "versus_logging", "diagnostics", "verdict", "reason"}
        assert policy["verdict"] in ("trust", "caution", "unusable")
        assert set(policy["estimates"]) == set(policy["versus_logging"])
        for estimate in (*policy["estimates"].values(), *policy["versus_logging"].values()):
            assert set(estimate) == {"value", "lower", "upper", "n", "effective_n", "method", "alpha"}


def test_the_logging_policy_earns_the_mean_of_the_log(result, frame):
    for estimator in ("ips", "snips", "dr", "sndr"):
        assert estimates(result, "logging", estimator)["value"] == pytest.approx(frame.visit.mean(), abs=1e-9)
    assert all(found["value"] == 0.0 for found in result["policies"]["logging"]["versus_logging"].values())


def test_intervals_hold_the_truth(result, frame, make):
    means = make.truth(frame.x.to_numpy(), (frame.channel == "web").to_numpy())
    web = (frame.channel == "web").to_numpy()
    worth = {f"fixed:{arm}": means[:, index].mean() for index, arm in enumerate(make.ARMS)}
    worth |= {"uniform": means.mean(), "rules": np.where(web, means[:, 1], means[:, 0]).mean()}
    for policy, value in worth.items():
        for estimator in ("ips", "snips", "dr", "sndr", "cressie_read"):
            found = estimates(result, policy, estimator)
            reach = 1.6 * (found["upper"] - found["lower"]) / 2  # 25 estimates: beyond three errors
            assert abs(found["value"] - value) < reach, (policy, estimator)


def test_learning_pays_here(result):
    assert estimates(result, "plug_in", "dr")["value"] > estimates(result, "fixed:none", "dr")["upper"]


def test_who_learned_is_judged_on_others(result, known_log):
    assert result["policies"]["squarecb"]["diagnostics"]["judged_on"] == "other units than it was trained on"
    assert estimates(result, "squarecb", "ips")["n"] == known_log.n


def test_where_there_is_time_the_future_judges(frame, make):
    found = replay(make.log(frame, make.spec(time="day", time_unit="d")), ["plug_in", "fixed:five"], ["snips", "dr"])
    assert estimates(found, "plug_in", "dr")["n"] == (frame.day >= 200).sum()
    assert estimates(found, "fixed:five", "dr")["n"] == len(frame)
    assert found["policies"]["plug_in"]["diagnostics"]["judged_on"] == "later rows than it was trained on"
    assert len({line["value"]["n"] for line in found["leaderboard"]["ranking"]}) == 1
    assert "judged on the 2,000 later rows, the others on all 4,000" in markdown(found, "winback replay")


def test_rewards_of_the_judged_rows_do_not_reach_who_is_judged(frame, make):
    spec = make.spec(time="day", time_unit="d")
    other = frame.assign(visit=np.where(frame.day >= 200, 1 - frame.visit, frame.visit))
    one, two = (replay(make.log(f, spec), ["squarecb", "plug_in"], ["ips"]) for f in (frame, other))
    for policy in ("squarecb", "plug_in"):
        weights = [found["policies"][policy]["diagnostics"]["largest_weights"] for found in (one, two)]
        assert weights[0] == weights[1]
        assert estimates(one, policy, "ips")["effective_n"] == estimates(two, policy, "ips")["effective_n"]


def test_a_fixed_arm_falls_back_on_the_control(frame, make):
    frame = frame.assign(able=["none|five" if offer != "ten" else "none|five|ten" for offer in frame.offer])
    found = replay(make.log(frame, make.spec(eligible="able")), ["fixed:ten"], ["ips"])
    diagnostics = found["policies"]["fixed:ten"]["diagnostics"]
    assert diagnostics["fallback_share"] == pytest.approx((frame.offer != "ten").mean())
    weight = np.where(frame.offer == "ten", 1 / frame.p, (frame.offer == "none") / frame.p)
    assert estimates(found, "fixed:ten", "ips")["value"] == pytest.approx((weight * frame.visit).mean())


@pytest.mark.parametrize("propensity", [{"uniform": True}, {"column": "p"}])
@pytest.mark.parametrize("estimator", ["ips", "dr"])
def test_arms_drawn_evenly_from_those_eligible_are_no_doubt(frame, make, propensity, estimator):
    sets = [["none", "ten"] if place % 3 else list(make.ARMS) for place in range(len(frame))]
    drawn = [np.random.default_rng(place).choice(one) for place, one in enumerate(sets)]
    frame = frame.assign(able=["|".join(one) for one in sets], offer=drawn, p=[1 / len(one) for one in sets])
    found = replay(make.log(frame, make.spec(eligible="able", propensity=propensity)), ["fixed:ten"], [estimator])
    assert found["policies"]["fixed:ten"]["verdict"] == "trust"
    assert min(found["policies"]["fixed:ten"]["diagnostics"]["arm_p"].values()) > 1e-3


@pytest.mark.parametrize("rows", [173, 1000])
def test_however_the_log_is_cut_and_whoever_counts(frame, make, tmp_path, monkeypatch, rows):
    monkeypatch.setattr(sources, "PART_ROWS", rows)
    path = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=rows)
    log, names = open_log(path, parse_spec(make.SPEC)), ["ips", "snips", "dr", "cressie_read"]
    threads = [replay(log, STATIC, names, options=Options(engine=Threads(count))) for count in (1, 3)]
    assert threads[0] == threads[1]
    whole = replay(make.log(frame), STATIC, names)
    for policy in STATIC:
        for name in names:
            one, other = estimates(threads[0], policy, name), estimates(whole, policy, name)
            assert one["value"] == pytest.approx(other["value"], rel=1e-9)
            assert one["lower"] == pytest.approx(other["lower"], rel=1e-6)


def test_fitted_propensities_are_labelled_and_never_trusted(frame, make):
    found = replay(make.log(frame, make.spec(propensity={"estimate": True})), ["fixed:five", "uniform"], ["ips", "dr"])
    assert found["log"]["propensities"] == "fitted"
    assert {found["policies"][name]["verdict"] for name in ("fixed:five", "uniform")} <= {"caution", "unusable"}
    exact = replay(make.log(frame), ["fixed:five"], ["ips"])
    close = estimates(exact, "fixed:five", "ips")["value"]
    assert estimates(found, "fixed:five", "ips")["value"] == pytest.approx(close, abs=0.02)


def test_a_winner_among_equals_is_not_flattered(make):
    """Twelve arms that are all the same: the best looks better than it is where it was chosen, and not elsewhere."""
    arms, flattered, honest = [f"a{i}" for i in range(12)], [], []
    spec = make.SPEC | {"log": {"name": "equal", "arm": "offer", "propensity": {"uniform": True}}}
    del spec["rules"]
    for seed in range(12):
        rng, base = np.random.default_rng(seed), make.frame(1200, seed)
        frame = base.assign(offer=rng.choice(arms, 1200), visit=rng.integers(0, 2, 1200))
        board = replay(make.log(frame, spec), ["fixed"], ["snips"])["leaderboard"]
        flattered.append(max(line["value"]["value"] for line in board["ranking"]))
        honest.append(board["winner"]["value"]["value"])
        assert not board["winner"]["better"]
    assert np.mean(flattered) - 0.5 > 0.05
    error = np.std(honest, ddof=1) / np.sqrt(len(honest))
    assert abs(np.mean(honest) - 0.5) < 3.5 * error


def test_another_logs_shares_as_a_policy(known_log, frame, make):
    copy = OtherLog.of("like:itself", list(known_log.batches()), known_log.keys, known_log.keys)
    found = replay(known_log, ["uniform"], ["ips"], options=Options(extra=(copy,)))
    weight = frame.offer.map(frame.offer.value_counts(normalize=True)) / frame.p
    assert estimates(found, "like:itself", "ips")["value"] == pytest.approx((weight * frame.visit).mean())


def test_progress_is_told_and_may_stop_it(known_log):
    seen = []
    replay(known_log, ["uniform"], ["ips"], lambda what, done, total: seen.append((what, done, total)))
    assert ("judging", 1, 1) in seen and seen[-1] == ("judging segments", 1, 1)

    class StopError(Exception):
        pass

    def stop(what: str, _done: int, _total: int) -> None:
        if what == "judging":
            raise StopError

    with pytest.raises(StopError):
        replay(known_log, ["uniform"], ["ips"], stop)


@pytest.mark.parametrize("name", ["nix", "fixed:twenty", "plug_in:deep", "online:uniform", "online"])
def test_unknown_policies(known_log, name):
    with pytest.raises(UnknownCandidateError, match=r"known|arms are|models are"):
        replay(known_log, [name])


@pytest.mark.parametrize("name", ["nix", "balanced_mixture", "mips"])
def test_estimators_that_are_not_there_or_cannot_be_fed(known_log, name):
    with pytest.raises(UnknownEstimatorError, match="known here"):
        replay(known_log, ["uniform"], [name])


def test_rules_need_a_table(frame, make):
    spec = {key: value for key, value in make.SPEC.items() if key != "rules"}
    with pytest.raises(UnknownCandidateError, match="no \\[rules\\]"):
        replay(make.log(frame, spec), ["rules"])


def test_a_policy_the_log_never_followed_is_unusable(frame, make):
    frame = pd.concat([frame[frame.offer != "ten"], frame[frame.offer == "ten"].head(1)])
    found = replay(make.log(frame), ["fixed:ten"], ["snips"])
    assert found["policies"]["fixed:ten"]["verdict"] == "unusable"
