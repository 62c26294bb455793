"""What the room's tests share: specifications for every policy, hostile inputs, small worlds."""

import numpy as np
from hypothesis import strategies as st

from bandit.policies import LISTED_ARM, POLICIES, build
from bandit.rounds import Arm, FeatureSpec, PolicySpec, Round

RULES = {
    "rules": [{"when": {"==": [{"var": "segment"}, "a"]}, "arm": "one"}, {"when": True, "arm": "two"}],
    "default": "nothing",
}
PARAMS = {
    "fixed": {"arm": "one"},
    "split": {"weights": {"nothing": 1, "one": 2, "two": 1.5, "three": 0}},
    "rules": RULES,
}
SPECS = {name: PolicySpec(name, params=PARAMS.get(name, {}), seed=3) for name in POLICIES}
LEARNED = [name for name, policy in POLICIES.items() if policy.learned]
UNLEARNED = [name for name in POLICIES if name not in LEARNED]
DRIFTS_ON_RESUME = ("cover", "bagging")
ALWAYS_ELIGIBLE = Arm("nothing")

ARMS = (
    ALWAYS_ELIGIBLE,
    Arm("one", "bogo", "coupon", 5.0, attributes={"send_hour": 18, "channel": "mail"}),
    Arm("two", "bogo", "coupon", 10.0, attributes={"send_hour": 9, "channel": "push"}),
    Arm("three", "quiz", None, 0.0, attributes={"channel": None}),
)

hostile_text = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", " ", "|", ":", "a b", "a|b", "a:1", "\n", "\x00", "é", "\U0001f600", "=", "?", "%", "\ud800", "$"]
    ),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**400), 1e308, -1e308]),
    st.floats(allow_nan=True, allow_infinity=True),
    hostile_text,
)
known_names = st.sampled_from(["segment", "days", "spent", "flag"])
contexts = st.dictionaries(
    st.one_of(known_names, hostile_text.filter(lambda name: name != LISTED_ARM)), scalars, max_size=8
)
hostile_arms = st.builds(
    Arm,
    key=hostile_text,
    event_type=st.none() | hostile_text,
    reward_kind=st.none() | hostile_text,
    reward_amount=st.floats(0, 1e9),
    attributes=st.dictionaries(hostile_text, scalars, max_size=3),
)


@st.composite
def arm_lists(draw):
    """`nothing` first (every unlearned policy can fall back to it), then known and unknown arms with distinct keys."""
    others = draw(
        st.lists(st.one_of(st.sampled_from(ARMS[1:]), hostile_arms), max_size=5, unique_by=lambda arm: arm.key)
    )
    return [ALWAYS_ELIGIBLE, *(arm for arm in others if arm.key != "nothing")]


def reachable(name, context, arms):
    """The context with what the policy needs to have an eligible choice among `arms`."""
    return {**context, LISTED_ARM: arms[-1].key} if name == "listed" else context


def segment_context(rng):
    return {
        "segment": "ab"[int(rng.integers(2))],
        "days": float(rng.integers(0, 400)),
        "spent": float(rng.lognormal(4.0, 1.0)),
        "flag": bool(rng.integers(2)),
    }


def segment_mean(context, arm):
    """The best arm is `one` in segment a and `two` in segment b; `nothing` is the worst on average."""
    means = {"one": (0.8, 0.3), "two": (0.2, 0.75), "three": (0.3, 0.3), "nothing": (0.1, 0.1)}
    return means[arm.key]["ab".index(context["segment"])]


def logged(seed, count, arms=ARMS, earn=None):
    """Rounds of a uniform log in the world of two segments."""
    rng = np.random.default_rng(seed)
    pmf = np.full(len(arms), 1.0 / len(arms))
    rounds = []
    for _ in range(count):
        context, chosen = segment_context(rng), int(rng.integers(len(arms)))
        hit = float(rng.random() < segment_mean(context, arms[chosen]))
        rounds.append(Round(context, arms, chosen, pmf, 1.0 / len(arms), hit if earn is None else earn(rng, hit)))
    return rounds


def taught(name, count=400, seed=1, features=None, batch=50, spec=None):
    """A policy that has learned from the log in batches."""
    policy = build(spec or SPECS[name], features or FeatureSpec())
    rounds = logged(seed, count)
    for start in range(0, count, batch):
        policy.learn(rounds[start : start + batch])
    return policy


DECLARED = FeatureSpec(numeric=("days", "spent"), categorical=("segment", "flag"))
SCHEMAS = (FeatureSpec(), DECLARED)


def tolerance(name):
    """Vowpal Wabbit works in float32."""
    linear = name in ("linear_thompson", "linucb", "thompson")
    return 1e-12 if linear or name in UNLEARNED else 1e-6
