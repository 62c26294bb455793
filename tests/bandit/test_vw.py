import numpy as np
import pytest
from vowpal_wabbit_next import TextFormatParser, Workspace

from bandit.errors import SnapshotError
from bandit.features import arm_features, feature_index
from bandit.rounds import Arm
from bandit.vw import AdfModel

ARMS = (Arm("a", "bogo"), Arm("b", "bogo"), Arm("c", "quiz"))
OPTIONS = ["--cb_explore_adf", "--squarecb", "-b", "18"]


def as_text(context, label=None):
    """The same examples in the text format, where a name that is a number is read as an index."""
    lines = ["shared |U " + " ".join(f"{index % 2**18}:{value}" for index, value in context)]
    for place, arm in enumerate(ARMS):
        cost = f"0:{label[1]}:1 " if label and label[0] == place else ""
        lines.append(
            f"{cost}|A " + " ".join(f"{feature_index(name) % 2**18}:{value}" for name, value in arm_features(arm))
        )
    return lines


def encoded(context):
    indices, values = zip(*context, strict=True)
    return np.array(indices, dtype=np.uint64), np.array(values), []


def test_dense_examples_learn_as_text_does():
    rng = np.random.default_rng(0)
    model, text = AdfModel(OPTIONS), Workspace([*OPTIONS, "-q", "UA"])
    parser = TextFormatParser(text)
    for _ in range(200):
        context = [(feature_index("x"), float(rng.normal())), (feature_index("y"), float(rng.normal()))]
        chosen, cost = int(rng.integers(3)), -float(rng.random())
        model.learn(encoded(context), ARMS, chosen, (cost, 1.0))
        text.learn_one([parser.parse_line(line) for line in as_text(context, (chosen, cost))])
    context = [(feature_index("x"), 0.5), (feature_index("y"), -1.0)]
    expected = dict(text.predict_one([parser.parse_line(line) for line in as_text(context)]))
    np.testing.assert_allclose(model.probabilities(encoded(context), ARMS), [expected[k] for k in range(3)], atol=1e-5)


def test_a_context_may_be_empty_and_leaves_nothing_behind():
    model = AdfModel(OPTIONS)
    context = encoded([(feature_index("x"), 3.0)])
    for _ in range(20):
        model.learn(context, ARMS, 1, (-1.0, 1.0))
        model.learn(context, ARMS, 0, (0.0, 1.0))
    empty = (np.array([], dtype=np.uint64), np.array([]), [])
    before = model.probabilities(empty, ARMS)
    with_context = model.probabilities(context, ARMS)
    assert model.probabilities(empty, ARMS) == before
    assert with_context != before


def test_the_label_is_gone_after_learning():
    model = AdfModel(OPTIONS)
    context = encoded([(feature_index("x"), 1.0)])
    model.learn(context, ARMS, 0, (-1.0, 1.0))
    first = model.probabilities(context, ARMS)
    assert model.probabilities(context, ARMS) == first


def test_garbage_is_no_model():
    with pytest.raises(SnapshotError):
        AdfModel([], b"garbage")
