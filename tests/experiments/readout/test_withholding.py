"""Where a number has no interval, the readout says the true reason beside it, in the experiment's own words."""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cli.console import Paper
from cli.experiment_readout import show_experiment
from experiments.model.designing.definition import Definition
from experiments.model.listing import in_runs, listed
from experiments.views.readout.bounds import Bounds
from experiments.views.readout.estimand import in_words
from experiments.views.readout.parts import said
from offline_eval.ab.heterogeneity import Effect, heterogeneity
from tests.experiments.readout.conftest import defined
from tests.experiments.readout.test_capped import MONEY, filled, spenders

Make = Callable[..., Any]


def means_of(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for group in (*document["variants"].values(), *document["arms"].values()):
        for name, shown in group["metrics"].items():
            yield name, shown.get("naive", shown)


def contrasts_of(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for variant in document["variants"].values():
        for metrics in variant["versus"].values():
            yield from metrics.items()


@pytest.mark.parametrize("cap", [60.0, None])
def test_wherever_bounds_are_missing_there_is_a_reason(campaign: Make, cap: float | None) -> None:
    found = filled(campaign, cap_revenue=cap).readout()
    without = [(name, mean) for name, mean in means_of(found) if mean["lower"] is None]
    without += [(name, one) for name, one in contrasts_of(found) if one["absolute"]["lower"] is None]
    assert without, "revenue has heavy tails here"
    for name, one in without:
        assert one["note"], name
        assert "beforehand" not in one["note"], "what to do is known here"


@pytest.mark.parametrize(("cap", "told"), [(60.0, "read capped_revenue"), (None, "state cap_revenue, which opens")])
def test_the_reason_of_skewed_revenue_says_what_to_do_in_this_experiment(
    campaign: Make, cap: float | None, told: str
) -> None:
    found = filled(campaign, cap_revenue=cap).readout()
    assert told in found["variants"]["treated"]["metrics"]["revenue"]["note"]
    assert told in found["variants"]["treated"]["versus"]["holdout"]["revenue"]["note"]
    assert told in found["money"]["treated"]["incremental"]["revenue"]["note"]


def test_the_shell_has_a_reason_below_every_table_with_a_missing_bound(campaign: Make) -> None:
    paper = Paper(file=io.StringIO(), width=200)
    show_experiment(filled(campaign).readout(), paper)
    text: str = paper.file.getvalue()  # type: ignore[attr-defined]  # a StringIO was given
    tables = [block for block in text.split("\n\n") if "(no bounds)" in block or "∞" in block]
    assert len(tables) >= 3
    marks = [re.findall(r"(?:\(no bounds\)|∞\])(?: %)?( \[\d+\])?", line) for line in text.splitlines()]
    assert all(all(each) for each in marks), "no cell without a number"
    told = re.findall(r"^\[(\d+)\] .*(no bounds|not computed|unbounded|nothing was spent)", text, re.MULTILINE)
    assert {number for number, _ in told} >= {each.strip(" []") for line in marks for each in line}


def test_where_nothing_was_spent_that_is_the_reason(campaign: Make) -> None:
    found = filled(campaign).readout()
    assert found["variants"]["treated"]["versus"]["holdout"]["roi"]["note"] == "nothing was spent on the control"
    assert found["money"]["holdout"]["roi"]["note"] == "not computed: nothing was spent"
    made, rng = campaign(**MONEY), np.random.default_rng(7)
    made.enrol("treated", "bogo-5", spenders(rng, 500, 0.4))
    made.enrol("holdout", "nothing", spenders(rng, 500, 0.2))
    assert made.readout()["variants"]["treated"]["versus"]["holdout"]["roi"]["note"] == "nothing was spent"


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ([2], "revision 2"),
        ([3, 1], "revisions 1 and 3"),
        ([1, 2, 3], "revisions 1 to 3"),
        ([1, 2, 3, 5, 6, 9], "revisions 1 to 3, 5, 6 and 9"),
    ],
)
def test_revisions_are_named_as_people_read_them(numbers: list[int], told: str) -> None:
    assert in_runs(numbers) == told


def test_names_are_listed_as_people_read_them() -> None:
    assert [listed(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("caps", "told"),
    [
        ({1: 60.0}, "60 EUR"),
        ({1: 60.0, 4: 60.0}, "60 EUR"),
        ({1: 60.0, 2: 45.0, 3: 45.0}, "60 EUR in revision 1 and 45 EUR in revisions 2 and 3"),
        ({2: 45.0, 3: 60.0, 4: 45.0}, "45 EUR in revision 2, 60 EUR in revision 3 and 45 EUR in revision 4"),
    ],
)
def test_caps_are_told_in_the_order_of_the_revisions_that_they_hold_in(caps: dict[int, float], told: str) -> None:
    definition: Definition = defined(**MONEY)
    ending = f"each user's revenue counted up to {told}"
    assert in_words(definition, Bounds(caps)) == f"net value per decision, {ending}"


@pytest.mark.parametrize(("odd", "told"), [(["AT"], "AT differs from"), (["AT", "CH"], "AT and CH differ from")])
def test_one_segment_differs_and_two_differ(odd: list[str], told: str) -> None:
    effects = {f"S{place}": Effect(0.1, 0.02) for place in range(8)} | {name: Effect(1.9, 0.02) for name in odd}
    assert told in said(heterogeneity(effects), "segments")
