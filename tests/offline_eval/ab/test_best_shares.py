"""Many looks at once say what one look each says."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from offline_eval.ab.best_shares import best_shares
from offline_eval.ab.posterior import best_of, posterior_of
from offline_eval.ab.sample import Sample

SIZES = st.one_of(st.integers(0, 30), st.integers(0, 5_000_000))


def share(events: int, n: int) -> Sample:
    mean = events / n if n else 0.0
    return Sample(("value",), n, np.array([mean]), np.array([[n * mean * (1 - mean)]]), events, binary=True)


@given(st.lists(st.tuples(SIZES, st.floats(0, 1)), min_size=2, max_size=4))
def test_a_look_is_that_of_the_posteriors(drawn):
    counts = [n for n, _ in drawn]
    events = [round(part * n) for n, part in drawn]
    np.testing.assert_allclose(*both(events, counts), atol=0.01)


@given(st.integers(200, 1_000_000), st.integers(1, 9), st.lists(st.floats(0.05, 0.95), min_size=2, max_size=4))
def test_groups_of_like_sizes_are_told_closely(n, times, parts):
    counts = [n, *[n * times] * (len(parts) - 1)]
    found, expected = both([round(part * one) for part, one in zip(parts, counts, strict=True)], counts)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def both(events, counts):
    (found,) = best_shares(np.array([events], dtype=float), np.array([counts], dtype=float))
    posteriors = {str(at): posterior_of(share(*pair)) for at, pair in enumerate(zip(events, counts, strict=True))}
    return found, [chance for chance, _ in best_of(posteriors).values()]


@given(arrays(float, (3, 2), elements=st.integers(0, 500).map(float)), st.permutations([0, 1]))
def test_chances_add_up_and_belong_to_their_variants(events, order):
    counts = np.full_like(events, 500.0)
    found = best_shares(events, counts)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    np.testing.assert_allclose(best_shares(events[:, order], counts)[:, order], found, atol=1e-9)
