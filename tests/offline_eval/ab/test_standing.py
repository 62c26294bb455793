"""Which of several variants pays best: named only where every pair says so."""

import numpy as np
import pytest

from offline_eval.ab.bucketed import Bucketed, Linearised
from offline_eval.ab.bucketed_contrast import Look, linearised_contrast
from offline_eval.ab.standing import Standing, among_all, pairs_of, standing
from offline_eval.ab.verdict import Finding, share_of_alpha, verdict
from offline_eval.estimate import Estimate

KEYS = ("rules", "bandit", "holdout")
LIKE = Finding("net_value", Estimate(None, None, None, 0, 0.0, "none"))


def estimate(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half, 10_000, 5_000.0, "test")


def stood(means: dict[str, float], half: float, worthwhile: float = 0.0) -> Standing:
    differences = {(a, b): estimate(means[a] - means[b], half) for a, b in pairs_of(list(means))}
    like = Finding(LIKE.name, LIKE.estimate, worthwhile=worthwhile)
    return standing(differences, list(means), like)


def test_the_best_is_better_than_every_other() -> None:
    found = stood({"rules": 2.0, "bandit": 1.0, "holdout": 0.0}, half=0.5)
    assert (found.best, found.leading) == ("rules", "rules")
    assert set(found.behind or {}) == {"bandit", "holdout"}


def test_what_leads_without_certainty_is_called_so() -> None:
    found = stood({"rules": 2.0, "bandit": 1.7, "holdout": 0.0}, half=0.5)
    assert (found.best, found.leading) == (None, "rules")
    assert set(found.behind or {}) == {"holdout"}
    assert set(found.open or {}) == {"bandit"}


def test_a_difference_not_worth_having_leaves_nothing_open() -> None:
    found = stood({"rules": 2.0, "bandit": 1.9, "holdout": 0.0}, half=0.5, worthwhile=1.0)
    assert found.best is None and not found.open


def test_without_bounds_nobody_leads() -> None:
    unknown = Estimate(1.0, None, None, 10, 5.0, "test")
    found = standing(dict.fromkeys(pairs_of(KEYS), unknown), KEYS, LIKE)
    assert found == Standing()


@pytest.mark.parametrize("order", [KEYS, KEYS[::-1], ("bandit", "holdout", "rules")])
def test_the_order_of_variants_changes_nothing(order: tuple[str, ...]) -> None:
    means = {"rules": 2.0, "bandit": 1.7, "holdout": 0.0}
    found = stood({key: means[key] for key in order}, half=0.2)
    assert found.best == "rules"


def against_holdout(means: dict[str, float], half: float) -> list[Finding]:
    return [
        Finding(f"{key} against holdout, net_value", estimate(means[key] - means["holdout"], half))
        for key in means
        if key != "holdout"
    ]


def test_ship_is_no_answer_while_another_may_pay_more() -> None:
    """Both beat the holdout; which of them pays more is open."""
    means = {"rules": 2.0, "bandit": 1.7, "holdout": 0.0}
    first = verdict(against_holdout(means, 0.5))
    assert first.word == "ship"
    found = among_all(first, stood(means, 0.5), "holdout", days=10.0)
    assert found.word == "keep running"
    assert "rules pays best so far" in found.reason and "better than the control" in found.reason
    assert found.days_left is not None and found.days_left > 1
    assert (found.best, found.leading) == (None, "rules")


def test_the_best_is_shipped_by_name() -> None:
    means = {"rules": 2.0, "bandit": 0.7, "holdout": 0.0}
    found = among_all(verdict(against_holdout(means, 0.5)), stood(means, 0.5), "holdout", 10.0)
    assert found.word == "ship" and found.best == "rules"
    assert "rules pays best" in found.reason


def test_nobody_is_named_where_the_numbers_are_not_trusted() -> None:
    from offline_eval.ab.checks.check import CheckResult

    means = {"rules": 2.0, "bandit": 0.7, "holdout": 0.0}
    first = verdict(against_holdout(means, 0.5), checks=[CheckResult("sample_ratio", "failed", 1e-9, "shares differ")])
    found = among_all(first, stood(means, 0.5), "holdout", 10.0)
    assert found.best is None and found.leading is None


def test_the_best_is_named_wrongly_in_at_most_one_life_in_twenty() -> None:
    """Four variants alike, looked at twelve times: 0/1 outcomes, from sums by bucket as live readouts have them."""
    rng, lives, looks, each = np.random.default_rng(11), 120, 12, 1_500
    keys, wrong = ["a", "b", "c", "d"], 0
    look = Look(True, share_of_alpha(0.05, len(pairs_of(keys)), 0))
    for _ in range(lives):
        hits = rng.binomial(each // 64, 0.2, (looks, len(keys), 64)).cumsum(axis=0)
        named = False
        for at in range(looks):
            size = np.full((1, 64), float((at + 1) * (each // 64)))
            n = int(size.sum())
            groups = {
                key: Linearised.of(Bucketed(hits[at, place][None].astype(float), size, np.ones(1), n, n, binary=True))
                for place, key in enumerate(keys)
            }
            found = {(a, b): linearised_contrast(groups[a], groups[b], look).absolute for a, b in pairs_of(keys)}
            named = named or standing(found, keys, LIKE).best is not None
        wrong += named
    assert wrong <= 11  # P(more than 11 of 120 | 5 %) is below 3 %
