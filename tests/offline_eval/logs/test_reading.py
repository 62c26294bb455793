"""However a log is stored and cut, it reads the same."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_eval.logs import (
    ArrowSource,
    Categorical,
    LogBatch,
    log_of,
    logged_rows,
    open_log,
    parse_spec,
    rounds,
    sources,
)
from offline_eval.logs.batch import join_batches
from offline_eval.logs.errors import LogDataError


def same(left: LogBatch, right: LogBatch) -> None:
    for field in fields(LogBatch):
        a, b = getattr(left, field.name), getattr(right, field.name)
        pairs = [(a[key], b[key]) for key in a] if isinstance(a, dict) else [(a, b)]
        for one, other in pairs:
            if isinstance(one, Categorical):
                assert one.texts() == other.texts()
            elif one is not None or other is not None:
                np.testing.assert_array_equal(one, other, err_msg=field.name)


def arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def test_csv_parquet_and_arrow_read_alike(frame, spec_data, write, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "PART_ROWS", 60)
    spec, path = parse_spec(spec_data), tmp_path / "log.parquet"
    pq.write_table(arrow(frame), path, row_group_size=50)
    stored, plain = open_log(path, spec), open_log(write(frame), spec)
    live = log_of(ArrowSource(arrow(frame).schema, lambda: arrow(frame).to_batches(max_chunksize=70)), spec)
    assert len(stored.parts()) == 3
    same(stored.table(), plain.table())
    same(stored.table(), live.table())
    same(stored.table(), join_batches([b for part in stored.parts() for b in part.batches()]).take(_order(stored)))


def _order(log):
    return np.argsort(np.concatenate([batch.time for batch in log.batches()]), kind="stable")


def test_a_partitioned_data_set_has_the_columns_of_its_folders(frame, spec_data, tmp_path):
    pq.write_to_dataset(arrow(frame), tmp_path / "log", partition_cols=["channel"])
    log = open_log(tmp_path / "log", parse_spec(spec_data))
    whole = pd.DataFrame({"at": log.table().time / 3600, "channel": log.table().categorical["channel"].texts()})
    expected = frame.sort_values("at", kind="stable")[["at", "channel"]]
    assert sorted(map(tuple, whole.values)) == sorted(map(tuple, expected.values))


def test_what_the_columns_mean(frame, spec_data, write):
    frame.loc[3, "recency"] = -999
    frame.loc[4, "channel"] = None
    log = open_log(write(frame), parse_spec(spec_data))
    (rows,) = log.batches()
    offer = frame.offer.to_numpy()
    assert log.keys == ("none", "five", "ten")
    assert np.isnan(rows.numeric["recency"][3])
    assert rows.categorical["channel"].texts()[4] is None
    np.testing.assert_array_equal(np.array(log.keys)[rows.arm], offer)
    np.testing.assert_allclose(rows.time, frame["at"] * 3600.0)
    due = np.where(offer == "five", 5.0 * frame.visit, np.where(offer == "ten", 10.0, 0.0))
    contact = pd.Series(offer).map({"none": 0.0, "five": 0.01, "ten": 0.02})
    np.testing.assert_allclose(rows.metrics["net_value"], 0.3 * frame.spend - due - contact)
    assert len(np.unique(rows.unit)) == frame.customer.nunique()


def test_net_value_as_the_objective(frame, spec_data, write):
    spec_data["objective"] = {"maximise": "net_value", "margin": 0.5}
    (rows,) = open_log(write(frame), parse_spec(spec_data)).batches()
    np.testing.assert_array_equal(rows.reward, rows.metrics["net_value"])


def test_instants_with_and_without_zones(frame, spec_data, write):
    instants = pd.Timestamp("2026-03-01") + pd.to_timedelta(frame["at"], unit="h")
    naive = open_log(write(frame.assign(at=instants)), parse_spec(spec_data)).table()
    zoned = open_log(write(frame.assign(at=instants.dt.tz_localize("UTC").astype(str))), parse_spec(spec_data)).table()
    np.testing.assert_array_equal(naive.time, zoned.time)
    assert naive.time.min() == instants.min().timestamp()


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_nanoseconds_are_cut_off(frame, spec_data, tmp_path, kind):
    instants = pd.Timestamp("2026-03-01") + pd.to_timedelta(np.arange(len(frame)), unit="h") + pd.Timedelta(1999, "ns")
    path = tmp_path / f"log.{kind}"
    frame = frame.assign(at=instants)
    frame.to_parquet(path) if kind == "parquet" else frame.to_csv(path, index=False)
    times = open_log(path, parse_spec(spec_data)).table().time
    assert times[0] == pd.Timestamp("2026-03-01T00:00:00.000001").timestamp()
    assert len(times) == len(frame)


def test_a_share_that_never_happened_is_known_to_be_a_share(frame, spec_data, write):
    del spec_data["objective"]["range"]
    log = open_log(write(frame.assign(visit=0)), parse_spec(spec_data))
    assert log.range == (0.0, 1.0)
    assert log.zero_or_one == {"reengagement"}


def test_money_has_no_range_of_its_own(frame, spec_data, write):
    spec_data["objective"] = {"maximise": "revenue"}
    log = open_log(write(frame.assign(spend=frame.visit)), parse_spec(spec_data))
    assert log.range is None


def test_units_are_counted_once(frame, spec_data, write):
    log = open_log(write(frame), parse_spec(spec_data))
    assert len(log.units) == frame.customer.nunique()
    assert log.clustered
    alone = open_log(write(frame.assign(customer=np.arange(len(frame)))), parse_spec(spec_data))
    assert not alone.clustered


def test_several_columns_make_an_arm(frame, spec_data, write):
    frame["kind"], frame["size"] = "coupon", np.resize([5, 10], len(frame))
    spec_data |= {"log": {"name": "x", "arm": ["kind", "size"], "propensity": {"within": []}}, "arms": []}
    log = open_log(write(frame), parse_spec(spec_data))
    assert log.keys == ("coupon|10", "coupon|5")
    assert log.arms[0].attributes == {"kind": "coupon", "size": 10.0}
    np.testing.assert_allclose(log.table().propensity, 0.5)


def test_shares_within_strata(frame, spec_data, write):
    spec_data["log"]["propensity"] = {"within": ["channel"]}
    (rows,) = open_log(write(frame), parse_spec(spec_data)).batches()
    share = frame.groupby("channel").offer.value_counts(normalize=True)
    expected = [share[channel, offer] for channel, offer in zip(frame.channel, frame.offer, strict=True)]
    np.testing.assert_allclose(rows.propensity, expected)
    np.testing.assert_allclose(rows.pmf.sum(axis=1), 1.0)


@pytest.mark.parametrize("form", ["list", "json", "bars"])
def test_eligible_sets_and_pmfs(frame, spec_data, write, tmp_path, form):
    sets = [sorted({offer, "none", "five"}) for offer in frame.offer]
    pmf = [[1.0 / len(names)] * len(names) for names in sets]
    frame["p"] = [1.0 / len(names) for names in sets]
    text = [str(v).replace("'", '"') for v in sets] if form == "json" else ["|".join(v) for v in sets]
    frame["able"], frame["pmf"] = (sets, pmf) if form == "list" else (text, [str(v) for v in pmf])
    spec_data["log"] |= {"eligible": "able", "pmf": "pmf"}
    path = tmp_path / "log.parquet"
    pq.write_table(arrow(frame), path)
    log = open_log(path if form == "list" else write(frame), parse_spec(spec_data))
    (rows,) = log.batches()
    np.testing.assert_array_equal(rows.eligible.sum(axis=1), [len(names) for names in sets])
    np.testing.assert_allclose(rows.pmf[np.arange(300), rows.arm], frame["p"])
    for row, logged in zip(logged_rows(log.arms, rows), rounds(log.arms, rows), strict=True):
        assert row.arms[row.chosen].key == frame.offer[row.row]
        assert len(row.arms) == len(sets[row.row])
        assert logged.pmf[logged.chosen] == pytest.approx(logged.propensity)


@pytest.mark.parametrize("wrong", [0.05, -0.0002, 0.9])
def test_a_propensity_that_its_pmf_contradicts_is_refused(frame, spec_data, write, wrong):
    frame["p"], frame["pmf"] = 1 / 3, [str([1 / 3] * 3)] * len(frame)
    spec_data["log"] |= {"pmf": "pmf"}
    assert len(next(open_log(write(frame), parse_spec(spec_data)).batches())) == len(frame)
    frame.loc[17, "p"] = min(1 / 3 + wrong, 1.0)
    with pytest.raises(LogDataError, match=r"row 18, column 'p': is .* where 'pmf' gives the chosen arm 0.333333"):
        list(open_log(write(frame), parse_spec(spec_data)).batches())


def test_an_eligible_set_is_a_stratum_of_its_own(frame, spec_data, write):
    frame["able"] = np.where((frame.offer == "ten") | (np.arange(300) % 2 == 0), "none|five|ten", "none|five")
    spec_data["log"] |= {"eligible": "able", "propensity": {"within": ["channel"]}}
    (rows,) = open_log(write(frame), parse_spec(spec_data)).batches()
    share = frame.groupby(["channel", "able"]).offer.value_counts(normalize=True)
    expected = [share[key] for key in zip(frame.channel, frame.able, frame.offer, strict=True)]
    np.testing.assert_allclose(rows.propensity, expected)
    assert (rows.pmf[~rows.eligible] == 0).all()


def test_uniform_over_the_eligible(frame, spec_data, write):
    frame["able"] = ["|".join(sorted({offer, "none"})) for offer in frame.offer]
    spec_data["log"] |= {"eligible": "able", "propensity": {"uniform": True}}
    (rows,) = open_log(write(frame), parse_spec(spec_data)).batches()
    np.testing.assert_allclose(rows.propensity, np.where(frame.offer == "none", 1.0, 0.5))


@given(st.lists(st.lists(st.sampled_from(["a", "b", "", "z|y"]), min_size=1, max_size=5), min_size=1, max_size=5))
def test_joining_categories_keeps_their_texts(columns):
    from offline_eval.logs.batch import join_categoricals
    from offline_eval.logs.decoding import texts

    parts = [texts(pa.array(values)) for values in columns]
    assert join_categoricals(parts).texts() == [value for values in columns for value in values]
