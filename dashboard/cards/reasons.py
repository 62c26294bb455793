"""Reasons below a table, numbered as its cells meet them: a sentence fits no column."""

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash.development.base_component import Component

from dashboard.format import reason


class Reasons:
    """Those of one table; the same reason has one number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def beside(self, cell: str, found: Mapping[str, Any] | None) -> str:
        """The cell, with the number of the reason where a bound of what was `found` is missing and one is given."""
        told = reason(found)
        return f"{cell} [{self._numbers.setdefault(told, len(self._numbers) + 1)}]" if told else cell

    def spelled(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Rows of a download, which has nothing below it: the reasons themselves for their numbers."""
        return [{name: self._spelled(cell) for name, cell in row.items()} for row in rows]

    def _spelled(self, cell: Any) -> Any:
        for told, number in self._numbers.items():
            if isinstance(cell, str) and cell.endswith(f" [{number}]"):
                return f"{cell.removesuffix(f' [{number}]')}: {told}"
        return cell

    def below(self) -> list[Component]:
        """What to put below the table."""
        return [dmc.Text(f"[{number}] {told}", size="xs", c="dimmed") for told, number in self._numbers.items()]
