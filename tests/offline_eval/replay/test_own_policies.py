"""An analyst's own policies: the same numbers by every way in, and faults that name row and remedy."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from offline_eval.candidates import PolicyFaultsError, UnknownCandidateError, own, parquet_candidate
from offline_eval.judging.report import failed
from offline_eval.replay import Options, replay

ARMS = ("none", "five", "ten")


@pytest.fixture(scope="module")
def pmf(frame) -> np.ndarray:
    """Something that depends on the context: shape (n, 3) over ARMS."""
    wants_ten = 1 / (1 + np.exp(-frame["x"].to_numpy()))
    return np.stack([0.3 * (1 - wants_ten), 0.7 * (1 - wants_ten), wants_ten], axis=1)


def values(result, name):
    found = result["policies"][name]
    return {key: (e["value"], e["lower"], e["upper"]) for key, e in found["estimates"].items()}


def test_a_column_a_file_and_a_function_are_one_policy(make, frame, pmf, tmp_path):
    sorted_arms = sorted(ARMS)
    ordered = pmf[:, [ARMS.index(arm) for arm in sorted_arms]]
    log = make.log(frame.assign(mine=list(ordered), text=[json.dumps(row.tolist()) for row in ordered]))
    assert log.keys == tuple(sorted_arms)
    table = pd.DataFrame(pmf, columns=list(ARMS))
    table.to_parquet(tmp_path / "by_row.parquet")
    keyed = table.assign(customer=frame["customer"], day=frame["day"]).sample(frac=1, random_state=3)
    keyed.to_parquet(tmp_path / "by_key.parquet")
    files = [parquet_candidate(tmp_path / f"{name}.parquet", log) for name in ("by_row", "by_key")]

    def answer(contexts):
        found = table.iloc[contexts.row]
        assert contexts.frame()["x"].to_numpy() == pytest.approx(frame["x"].to_numpy()[contexts.row])
        assert set(contexts.columns) == {"x", "channel"}
        return found[list(contexts.arms)].to_numpy()

    extra = (*files, own("mine", answer, log))
    found = replay(log, ["column:mine", "column:text"], ["ips", "snips", "dr"], options=Options(extra=extra))
    expected = values(found, "mine")
    for name in ("column:mine", "column:text", *(file.name for file in files)):
        for estimator, numbers in values(found, name).items():
            assert numbers == pytest.approx(expected[estimator], rel=1e-9), name


def test_a_column_of_arms_is_the_rules_that_wrote_it(make, frame):
    picked = np.where(frame["channel"] == "web", "five", "none")
    log = make.log(frame.assign(picked=picked, number=np.arange(len(frame))))
    found = replay(log, ["rules", "column:picked"], ["ips", "snips", "dr"])
    assert values(found, "rules") == values(found, "column:picked")


def test_arms_that_were_not_eligible_give_way_to_the_control(make, frame):
    eligible = [["none", "five"] if place % 2 else list(ARMS) for place in range(len(frame))]
    kept = frame.assign(eligible=eligible, always="ten")[
        [o in e for o, e in zip(frame["offer"], eligible, strict=True)]
    ]
    kept = kept.assign(pmf=[[0.5, 0.5] if len(e) == 2 else [0.2, 0.2, 0.6] for e in kept["eligible"]])
    log = make.log(kept, make.spec(eligible="eligible"))
    even = own("even", lambda contexts: np.full((len(contexts), 3), 1 / 3), log)
    found = replay(
        log, ["fixed:ten", "column:always", "column:pmf", "uniform"], ["ips", "dr"], options=Options(extra=(even,))
    )
    assert values(found, "fixed:ten") == values(found, "column:always")
    share = found["policies"]["column:always"]["diagnostics"]["fallback_share"]
    assert share == pytest.approx(np.mean([len(e) == 2 for e in kept["eligible"]]))
    assert found["policies"]["column:pmf"]["diagnostics"]["fallback_share"] == 0
    for estimator, numbers in values(found, "uniform").items():
        assert values(found, "even")[estimator] == pytest.approx(numbers, rel=1e-9)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (["five"] * 3999 + ["fvie"], "row 4,000: 'fvie' is not an arm of the log; did you mean 'five'?"),
        (["five"] * 3998 + [None, None], "rows 3,999, 4,000: the column is empty"),
        ([[0.5, 0.5, 0.5]] + [[1.0, 0.0, 0.0]] * 3999, "row 1: the probabilities do not add up to 1"),
        ([[1.0, 0.0, 0.0]] * 3999 + [[1.5, -0.5, 0.0]], "row 4,000: a probability is below 0"),
        ([[1.0, 0.0, 0.0]] * 3999 + [[1.0, 0.0]], "lists 2 probabilities; list one for each arm, in the order five"),
        ([[1.0, 0.0, 0.0]] * 3999 + [None], "row 4,000: is empty"),
        (["[1, 0, 0]"] * 3999 + ["[1, 0"], "row 4,000: is not a list of numbers"),
    ],
)
def test_faults_of_a_column(make, frame, column, told):
    with pytest.raises(PolicyFaultsError) as caught:
        replay(make.log(frame.assign(mine=column)), ["column:mine"], ["ips"])
    assert told in str(caught.value)


def test_a_column_that_is_not_there_names_those_that_are(known_log):
    with pytest.raises(UnknownCandidateError, match="has no column 'gold'; it has: customer, day"):
        replay(known_log, ["column:gold"], ["ips"])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda t: t.head(10), "the file has 10 rows and the log 4,000"),
        (lambda t: t.rename(columns={"ten": "tenn"}), "'tenn' is not an arm of the log; did you mean 'ten'?"),
        (lambda t: t[["none", "five"]], "rows 1, 2, 3, 4, 5 and 3,995 more: the probabilities do not add up to 1"),
        (lambda t: t.assign(ten=np.nan), "a probability is missing or no number"),
        (lambda t: t.assign(customer=["c0"] * len(t)), "names the same customer again"),
        (lambda t: t.assign(customer=[f"c{i}" for i in range(len(t))]).iloc[1:], "row 1: the log's customer is not in"),
        (lambda t: t[[]].assign(customer="c"), "no column is named after an arm"),
    ],
)
def test_faults_of_a_file(known_log, pmf, tmp_path, spoil, told):
    spoil(pd.DataFrame(pmf, columns=list(ARMS))).to_parquet(tmp_path / "probabilities.parquet", index=False)
    with pytest.raises(PolicyFaultsError) as caught:
        parquet_candidate(tmp_path / "probabilities.parquet", known_log)
    assert told in str(caught.value)


def test_what_is_no_parquet_is_said(known_log, tmp_path):
    (tmp_path / "p.parquet").write_text("no")
    with pytest.raises(PolicyFaultsError, match="is not Parquet"):
        parquet_candidate(tmp_path / "p.parquet", known_log)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda c: np.ones((len(c), 2)), "of shape"),
        (lambda c: np.ones((len(c), 3)), "do not add up to 1"),
        (lambda c: np.where(c.row[:, None] == 7, np.nan, 1 / 3) + np.zeros((1, 3)), "row 8: a probability is missing"),
    ],
)
def test_faults_of_a_function(known_log, answer, told):
    mine = own("mine", answer, known_log)
    with pytest.raises(PolicyFaultsError, match=told):
        replay(known_log, ["logging"], ["ips"], options=Options(extra=(mine,)))
    found = replay(known_log, ["uniform", "fixed"], ["ips", "dr"], options=Options(extra=(mine,)))
    assert found["failed"].keys() == {"mine"} and re.search(told, found["failed"]["mine"])
    assert {k: v for k, v in found.items() if k != "failed"} == {
        k: v for k, v in replay(known_log, ["uniform", "fixed"], ["ips", "dr"]).items() if k != "failed"
    }


def raising(contexts):
    if contexts.row[-1] > 2000:
        raise KeyError("age")
    return np.full((len(contexts), 3), 1 / 3)


def test_each_bad_policy_fails_alone(known_log):
    bad = ["column:gold", "column:x", "fixed:twenty", "nix", "shadow:none", "plug_in:deep"]
    mine = own("mine", raising, known_log)
    asked = Options(extra=(mine,), unreadable={"parquet:p": "the file cannot be read"})
    found = replay(known_log, ["fixed:ten", *bad, "plug_in"], ["snips"], options=asked)
    assert set(found["policies"]) == {"logging", "fixed:ten", "plug_in"}
    assert set(found["failed"]) == {*bad, "mine", "parquet:p"}
    assert "has no column 'gold'" in found["failed"]["column:gold"]
    assert "failed with KeyError: 'age'" in found["failed"]["mine"]
    assert found["policies"] == replay(known_log, ["fixed:ten", "plug_in"], ["snips"])["policies"]
    assert any("not judged: mine" in line for line in failed(found))


def test_where_none_is_left_the_first_reason_is_raised(known_log):
    with pytest.raises(UnknownCandidateError, match="has no column 'gold'"):
        replay(known_log, ["column:gold", "nix"], ["ips"])


def test_two_policies_of_one_name_are_refused(known_log):
    with pytest.raises(UnknownCandidateError, match="'uniform' names two policies"):
        replay(known_log, ["uniform"], ["ips"], options=Options(extra=(own("uniform", lambda c: c, known_log),)))
