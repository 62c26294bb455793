"""What a page is: declared, so that the shell can draw, protect, refresh and test every page alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from dash.development.base_component import Component

from dashboard.callbacks import Callbacks
from dashboard.filters import Filters
from dashboard.who import Who
from experiments.model.access.principal import Scope

FilterName = Literal["campaign", "event_type", "segment", "period"]
FILTERS: tuple[FilterName, ...] = get_args(FilterName)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """What a section is drawn from."""

    who: Who
    filters: Filters


@dataclass(frozen=True, slots=True)
class Drawn:
    """A section as drawn: the component, and the rows behind it, which can be downloaded as CSV and XLSX."""

    body: Component
    rows: Sequence[Row] | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page that is read and refreshed by itself.

    Attributes:
        name: unique on its page. title: shown above; empty: without a frame.
        draw: pure but for what it reads through dashboard.data; errors of ours are shown in its place.
        span: width in twelfths on a wide screen. live: drawn again by the clock.
        explain: a sentence behind the question mark.
        height: of the placeholder while loading, in pixels.
    """

    name: str
    title: str
    draw: Callable[[View], Drawn | Component]
    span: int = 12
    live: bool = True
    explain: str = ""
    height: int = 160


@dataclass(frozen=True, slots=True)
class Page:
    """One page: one file in dashboard/pages and one line in PAGES.

    Attributes:
        path: of its address. group: heading in the navigation. icon: a name of assets/icons.css.
        needs: the scope without which it is neither shown nor served.
        filters: which of the common filters act on it.
        head: what stands above the sections (forms); drawn once, when the page is opened.
        register: adds the page's own callbacks.
    """

    path: str
    title: str
    group: str
    icon: str
    sections: tuple[Section, ...]
    needs: Scope = "read"
    filters: tuple[FilterName, ...] = ("campaign", "event_type", "segment", "period")
    head: Callable[[View], Component] | None = None
    register: Callable[[Callbacks], None] | None = None

    def section(self, name: str) -> Section:
        """By its name. Raises KeyError."""
        return next(section for section in self.sections if section.name == name)
