"""The published logs: what is known about them comes out."""

import pytest

from offline_eval.candidates.spread import OtherLog
from offline_eval.logs import open_log, read_spec
from offline_eval.replay import Options, replay


def opened(data, examples, file, name):
    return open_log(data / file, read_spec(examples / f"{name}.toml"))


def test_hillstrom_learned_policies_do_not_beat_the_best_mail_for_everybody(data, examples):
    log = opened(data, examples, "hillstrom.csv.gz", "hillstrom")
    found = replay(log, ["fixed", "rules", "plug_in", "thompson"], ["snips", "dr"])
    value = found["policies"]["fixed:Mens E-Mail"]["estimates"]["snips"]
    assert value["value"] == pytest.approx(0.1828, abs=5e-5)
    assert value["lower"] < 0.1828 < value["upper"]
    board = found["leaderboard"]
    assert board["best_fixed"] == "fixed:Mens E-Mail"
    for line in board["ranking"]:
        if line["versus_best_fixed"]["lower"] <= 0:
            assert not line["better"]
    assert {line["policy"] for line in board["ranking"] if line["better"]} == set()
    assert {policy["verdict"] for policy in found["policies"].values()} == {"trust"}


def test_karlan_list_arms_are_the_published_rates(data, examples):
    log = opened(data, examples, "karlan_list.csv.gz", "karlan_list")
    assert log.scan.missing["revenue"] == 2
    found = replay(log, ["fixed"], ["snips"])
    rates = {"0|0|0": 0.0179, "1|0|0": 0.0207, "1|1|0": 0.0226, "1|0|1": 0.0227}
    for arm, rate in rates.items():
        assert found["policies"][f"fixed:{arm}"]["estimates"]["snips"]["value"] == pytest.approx(rate, abs=6e-5)


def test_starbucks_informational_offers_earn_nothing(data, examples):
    log = opened(data, examples, "starbucks_offers.csv.gz", "starbucks")
    found = replay(log, ["fixed"], ["snips", "mips"])
    nothing = [arm.key for arm in log.arms if arm.event_type == "informational"]
    assert {found["policies"][f"fixed:{key}"]["estimates"]["snips"]["value"] for key in nothing} == {0.0}
    assert found["leaderboard"]["winner"]["value"]["value"] > 0.65


def test_open_bandit_each_log_told_from_the_other(data, examples):
    """38 and 42 clicks: the intervals must hold the other log's own mean, and be wide."""
    logs = {name: opened(data, examples, f"obd/{name}_all.csv.gz", f"obd_{name}") for name in ("random", "bts")}
    means = {"random": 0.0038, "bts": 0.0042}
    for name, other in (("random", "bts"), ("bts", "random")):
        like = OtherLog.of("like", list(logs[other].batches(pmf=False)), logs[other].keys, logs[name].keys)
        found = replay(logs[name], ["uniform"], ["ips", "snips"], options=Options(extra=(like,)))
        for estimator in ("ips", "snips"):
            told = found["policies"]["like"]["estimates"][estimator]
            assert told["lower"] <= means[other] <= told["upper"]
            assert told["upper"] - told["lower"] > 0.002
        assert found["policies"]["like"]["verdict"] != "trust"
        assert found["policies"]["logging"]["estimates"]["ips"]["value"] == pytest.approx(means[name])
