"""What is prefetched is what sections ask for a moment later, and nothing that the person may not see."""

import pytest

from dashboard.filters import Filters
from dashboard.page import Page, Section, View
from dashboard.prefetching import PendingFacts
from experiments.errors import ForbiddenError


@pytest.fixture
def drawn():
    return []


@pytest.fixture
def foresight(drawn):
    def section(name):
        return Section(name, name, lambda view: drawn.append((name, view.filters.campaign)))

    def refused(_view):
        raise ForbiddenError("no")

    pages = {
        "open": Page("/open", "Open", "", "data", (section("a"), Section("b", "b", refused), section("c"))),
        "shut": Page("/shut", "Shut", "", "data", (section("d"),), needs="admin"),
    }
    return PendingFacts(pages)


@pytest.mark.parametrize(
    ("path", "role", "expected"),
    [
        ("/open", "viewer", [("a", "spring"), ("c", "spring")]),
        ("/shut", "viewer", []),
        ("/shut", "admin", [("d", "spring")]),
        ("/nowhere", "admin", []),
    ],
)
def test_sections_of_the_page_are_drawn_ahead(path, role, expected, foresight, drawn, who):
    foresight.of(path, View(who(role), Filters("spring")))
    foresight.close()
    assert drawn == expected
