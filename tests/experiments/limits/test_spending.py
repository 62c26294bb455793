"""Totals are spent to the last arm that they can pay for and no further: by any replicas, lanes, blocks, kills."""

import asyncio

import pytest

from experiments.store.limits.leases import Ask, block_size
from tests.experiments.limits.spending import spend


@pytest.mark.parametrize("seed", range(6))
def test_all_is_spent_and_every_commit_is_in_the_books(settings, engine, seed) -> None:
    assert asyncio.run(spend(settings, engine, seed)).looks > 0


@pytest.mark.proof
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(1000, 1200, 20))
def test_two_hundred_random_campaigns(settings, engine, first) -> None:
    for seed in range(first, first + 20):
        asyncio.run(spend(settings, engine, seed))


@pytest.mark.parametrize(
    ("unused", "free", "calls_back", "granted"),
    [
        (0, 8000, False, 1000),  # plenty: an eighth of it, so that few ask
        (0, 1000, False, 300),  # what is wanted
        (0, 400, False, 200),  # towards the end half of what is left
        (0, 12, False, 10),  # but enough for one decision
        (250, 400, False, 50),
        (300, 8000, False, 0),
        (0, 400, True, 300),  # somebody would be refused
        (0, -5, True, 0),
    ],
)
def test_a_block_is_no_more_than_leaves_some_for_others(unused, free, calls_back, granted) -> None:
    ask = Ask(1, "budget", 10_000, 300, 10)
    assert block_size(ask, unused=unused, free=free, calls_back=calls_back) == granted
