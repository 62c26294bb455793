"""Rows of files become requests by whole columns exactly as they would one by one."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from experiments.services.batching import sources
from experiments.services.batching.requesting import BatchRequest

_UNITS = st.one_of(st.text(max_size=4), st.sampled_from(["u" * 512, "u" * 513]), st.none())
_COLUMNS = st.sampled_from(
    [
        (pa.float64(), st.one_of(st.floats(), st.none())),
        (pa.float32(), st.floats(width=32)),
        (pa.int64(), st.one_of(st.integers(-(2**63), 2**63 - 1), st.none())),
        (pa.uint64(), st.integers(0, 2**64 - 1)),
        (pa.bool_(), st.one_of(st.booleans(), st.none())),
        (pa.string(), st.one_of(st.text(max_size=3), st.sampled_from(["x" * 1000, "ä" * 1001]), st.none())),
        (pa.list_(pa.int64()), st.lists(st.integers(0, 3), max_size=2)),
        (pa.timestamp("us"), st.one_of(st.integers(0, 10**15), st.none())),
    ]
)
_NAMES = st.one_of(st.text("abc", max_size=2), st.sampled_from(["n" * 200, "n" * 201]))


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 4))
    units = draw(st.lists(_UNITS, min_size=rows, max_size=rows))
    columns = {"unit_id": pa.array(units, pa.string())}
    for name in draw(st.lists(_NAMES, max_size=3, unique=True)):
        kind, values = draw(_COLUMNS)
        columns[name] = pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), kind)
    return pa.table(columns)


@given(tables())
def test_columns_give_what_rows_give(table):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "base.parquet"
        pq.write_table(table, path)
        (page,) = sources.pages(None, BatchRequest(path=str(path)), None)
        one_by_one = [sources._request(row) for row in pq.read_table(path).to_pylist()]
    assert list(map(repr, page.requests)) == list(map(repr, one_by_one))
