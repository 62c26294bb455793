"""Rules over columns say what rules over rows say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bandit.rules import compile_rule
from offline_eval.candidates.rule_columns import rule_mask
from offline_eval.logs import Categorical, LogBatch

ROWS = 7

numbers = st.sampled_from([-1.0, 0.0, 1.0, 2.5, float("nan")])
texts = st.sampled_from(["", "a", "web", None])


def batch(x, y, channel, day) -> LogBatch:
    def categorical(values):
        known = tuple(sorted({v for v in values if v is not None}))
        return Categorical(np.array([known.index(v) if v is not None else -1 for v in values], dtype=np.int64), known)

    empty = np.zeros(ROWS)
    return LogBatch(
        row=np.arange(ROWS),
        arm=np.zeros(ROWS, dtype=np.int64),
        propensity=empty,
        reward=empty,
        metrics={},
        numeric={"x": np.array(x), "y": np.array(y)},
        categorical={"channel": categorical(channel), "day": categorical(day)},
        unit=np.arange(ROWS, dtype=np.uint64),
        unit_id=None,
        time=None,
        eligible=None,
        pmf=None,
        position=None,
        segments={},
    )


batches = st.builds(
    batch, *(st.lists(values, min_size=ROWS, max_size=ROWS) for values in (numbers, numbers, texts, texts))
)
operands = st.one_of(
    st.sampled_from(["x", "y", "channel", "day", "nowhere"]).map(lambda name: {"var": name}),
    st.just({"var": ["x", 3]}),
    st.sampled_from([0, 1, 2.5, "a", "web", "", True]),
)
leaves = st.one_of(
    st.booleans(),
    st.tuples(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), operands, operands).map(
        lambda t: {t[0]: [t[1], t[2]]}
    ),
    st.tuples(operands, operands, operands).map(lambda t: {"<": list(t)}),
    st.tuples(operands, st.lists(operands, max_size=3)).map(lambda t: {"in": [t[0], t[1]]}),
    st.tuples(operands, operands).map(lambda t: {"in": list(t)}),
    st.lists(st.sampled_from(["x", "channel", "nowhere"]), min_size=1, max_size=2).map(
        lambda names: {"missing": names}
    ),
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda items: {"and": items}),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: {"or": items}),
        inner.map(lambda item: {"!": [item]}),
    ),
    max_leaves=5,
)


@given(rules, batches)
def test_columns_and_rows_agree(rule, rows):
    test = compile_rule(rule)
    columns = {name: values.tolist() for name, values in rows.numeric.items()}
    columns |= {name: values.texts() for name, values in rows.categorical.items()}
    expected = [test({name: values[row] for name, values in columns.items()}) for row in range(ROWS)]
    assert rule_mask(rule, rows).tolist() == expected
