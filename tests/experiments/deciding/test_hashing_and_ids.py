"""Ids round-trip and rise; hashes are uniform, independent between domains and the same everywhere."""

import hmac

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bandit.policy import draw
from experiments.model.deciding.drawing import draw_place
from experiments.model.deciding.hashing import h, unit_bucket
from experiments.model.ids import DecisionIds, decision_number, decision_numbers, public_id, public_ids

SALT = bytes(range(32))


@given(st.integers(0, 2**63 - 1))
def test_public_ids_round_trip(number: int) -> None:
    text = public_id(number)
    assert len(text) == 15
    assert decision_number(text) == number
    assert decision_numbers([text, public_id(0)]).tolist() == [number, 0]
    assert public_ids(np.array([number, 0])).tolist() == [text.encode(), public_id(0).encode()]


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_public_ids_sort_like_numbers(one: int, other: int) -> None:
    assert (one < other) == (public_id(one) < public_id(other))


@pytest.mark.parametrize(
    "text",
    ["", "d_", "d_0", "x_0000000000000", "d_000000000000I", "d_zzzzzzzzzzzzz", "d_00000000000000", "D_0000000000000"],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="id"):
        decision_number(text)


def test_ids_rise_through_a_stopped_clock_and_a_clock_that_steps_back() -> None:
    ids = DecisionIds(node=5)
    at = 1_800_000_000_000_000
    made = [ids.next(at) for _ in range(10_000)] + [ids.next(at - 5_000_000)] + [ids.next(at + 60_000_000)]
    assert made == sorted(set(made))
    assert all(0 < number < 2**63 for number in made)


def test_two_nodes_do_not_meet() -> None:
    one, other = DecisionIds(node=1), DecisionIds(node=2)
    at = 1_800_000_000_000_000
    assert not {one.next(at) for _ in range(5000)} & {other.next(at) for _ in range(5000)}


def test_the_hash_is_the_documented_one() -> None:
    digest = hmac.digest(SALT, b"draw\x1funit-1\x1f0\x1f2", "sha256")
    assert h(SALT, "draw", "unit-1", "0", "2") == (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def test_domains_are_uniform_and_independent() -> None:
    domains = ("enrol", "layer", "variant", "draw", "holdout", "bucket")
    units = [f"unit-{n}" for n in range(20_000)]
    numbers = {domain: np.array([h(SALT, domain, unit) for unit in units]) for domain in domains}
    for values in numbers.values():
        assert stats.kstest(values, "uniform").pvalue > 1e-4
    for place, one in enumerate(domains):
        for other in domains[place + 1 :]:
            table = np.histogram2d(numbers[one], numbers[other], bins=8)[0]
            assert stats.chi2_contingency(table).pvalue > 1e-4


def test_buckets_cover_their_range() -> None:
    assert {unit_bucket(SALT, f"unit-{n}") for n in range(20_000)} == set(range(256))


probabilities = st.lists(st.one_of(st.just(0.0), st.floats(1e-12, 1.0)), min_size=1, max_size=30).filter(any)


@given(probabilities, st.floats(0, 1, exclude_max=True))
def test_the_draw_is_that_of_the_maths_room(weights: list[float], u: float) -> None:
    pmf = np.array(weights) / sum(weights)
    place = draw_place(pmf.tolist(), u)
    assert place == draw(pmf, u)
    assert pmf[place] > 0
