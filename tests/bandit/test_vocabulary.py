"""A value of a category is learned only once enough people share it; before that nothing names it, or them."""

import numpy as np
import pytest
from bandit_strategies import LEARNED
from hypothesis import given
from hypothesis import strategies as st

from bandit.policies import build, restore
from bandit.policies.crowds import PENDING_LIMIT, Crowds
from bandit.policies.vocabulary import LEAST_PEOPLE, LEVELS_LIMIT, Levels, Vocabulary
from bandit.policies.vw_policy import VwPolicy
from bandit.rounds import Arm, FeatureSpec, PolicySpec, Round

ARMS = (Arm("nothing"), Arm("one", "bogo", reward_amount=5.0), Arm("two", "quiz"))
FEATURES = FeatureSpec(numeric=("x",), categorical=("country",))
MARKER = "marker-7f3a"
words = st.integers(0, 2**64 - 1)


def lessons(rng, people, each, country):
    """Rounds in which arm one pays in DE, arm two elsewhere."""
    for person in people:
        for _ in range(each):
            chosen = int(rng.integers(3))
            context = {"x": float(rng.normal()), "country": country}
            yield Round(context, ARMS, chosen, np.full(3, 1 / 3), 1 / 3, float(chosen == 1 + (country != "DE")), person)


def taught(name, people, each, country=MARKER):
    rng = np.random.default_rng(5)
    numbers = [int(n) for n in rng.integers(0, 2**63, size=400)]
    policy = build(PolicySpec(name, seed=1), FEATURES)
    policy.learn(list(lessons(rng, numbers[100:], 1, "DE")))
    rounds = list(lessons(rng, numbers[:people], each, country))
    for start in range(0, len(rounds), 50):
        policy.learn(rounds[start : start + 50])
        policy = restore(policy.spec, FEATURES, policy.to_bytes())
    return policy


@pytest.mark.parametrize("name", LEARNED)
def test_what_nineteen_people_share_is_a_value_like_any_unknown_one(name):
    policy = taught(name, LEAST_PEOPLE - 1, 20)
    assert MARKER.encode() not in policy.to_bytes()
    for x in (-1.0, 0.0, 2.0):
        seen, unseen = ({"x": x, "country": country} for country in (MARKER, "never-seen"))
        assert np.array_equal(policy.pmf(seen, ARMS), policy.pmf(unseen, ARMS))
        if isinstance(policy, VwPolicy):
            assert np.array_equal(*policy.pmf_all([seen, unseen], ARMS))


@pytest.mark.parametrize("name", [name for name in LEARNED if name != "thompson"])
def test_what_many_people_share_is_learned(name):
    policy = taught(name, 100, 20)
    marked, german = (policy.pmf({"x": 0.0, "country": country}, ARMS) for country in (MARKER, "DE"))
    assert marked[2] > 0.5
    assert german[1] > german[2]


@pytest.mark.parametrize("name", LEARNED)
def test_a_snapshot_holds_the_number_of_no_person(name):
    numbers = [int(n) for n in np.random.default_rng(6).integers(2**62, 2**63, size=40)]
    policy = build(PolicySpec(name, seed=1), FEATURES)
    policy.learn(list(lessons(np.random.default_rng(7), numbers, 1, MARKER)))
    data = policy.to_bytes()
    assert not any(str(number).encode() in data or number.to_bytes(8, "little") in data for number in numbers)


@given(st.lists(words, min_size=1, max_size=200), st.text(max_size=5))
def test_no_more_people_are_counted_than_there_were(people, name):
    crowds = Crowds()
    counts = [crowds.add(name, person) for person in people]
    assert all(count <= len(set(people[: place + 1])) for place, count in enumerate(counts))
    assert Crowds(crowds.state()).add(name, people[0]) == counts[-1]


def test_people_are_counted_nearly_as_they_come():
    """20 bits of 64 take 24 people on average: the sum of 64 / (64 - k) over k < 20."""
    rng, needed = np.random.default_rng(8), []
    for trial in range(400):
        crowds, count = Crowds(), 0
        while crowds.add(f"feature={trial}", int(rng.integers(2**63))) < LEAST_PEOPLE:
            count += 1
        needed.append(count + 1)
    assert np.mean(needed) == pytest.approx(sum(64 / (64 - k) for k in range(20)), abs=0.5)


def test_who_is_not_known_is_somebody_new():
    crowds = Crowds()
    assert [crowds.add("a", None) for _ in range(70)] == [*range(1, 65), *[64] * 6]


def test_counting_is_bounded_and_begins_anew():
    crowds = Crowds()
    for number in range(PENDING_LIMIT + 10):
        crowds.add(f"n{number}", 1)
    assert len(crowds.state()) == 10


def test_names_of_a_context_need_no_crowd_but_values_do():
    vocabulary = Vocabulary(64)
    for _ in range(30):
        vocabulary.add(["days", "country=DE"], person=12345)
    assert (vocabulary.slot("days"), vocabulary.slot("country=DE")) == (1, vocabulary.size)


def test_snapshots_of_before_are_read():
    """They keep what is pending by name: that is left behind."""
    vocabulary = Vocabulary.restore(64, [["days", "country=DE"], {"country=FR": 3}])
    assert (vocabulary.slot("days"), vocabulary.slot("country=DE")) == (1, 2)
    assert vocabulary.state()["pending"] == {}
    levels = Levels.restore(None)
    assert levels.index_of("country=FR") != levels.index_of("country=IT")
    assert levels.state() is None


def test_levels_beyond_the_limit_share_one_place(monkeypatch):
    monkeypatch.setattr("bandit.policies.vocabulary.LEVELS_LIMIT", 2)
    levels = Levels()
    for country in ("DE", "FR", "IT"):
        for _ in range(LEAST_PEOPLE):
            levels.add([f"country={country}"])
    known = {levels.index_of(f"country={country}") for country in ("DE", "FR")}
    unknown = levels.index_of("country=?")
    assert levels.index_of("country=IT") == unknown
    assert len(known | {unknown}) == 3
    assert LEVELS_LIMIT > 2
    assert Levels.restore(levels.state()).state() == levels.state()
