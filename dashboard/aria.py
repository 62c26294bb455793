"""Attributes whose names are not Python identifiers, most of them for screen readers."""

from typing import Any


def labelled(label: str) -> dict[str, Any]:
    """What an element is called where its text does not say so."""
    return {"aria-label": label}


def page_mark(key: str) -> dict[str, Any]:
    """Which page the element is the content of."""
    return {"data-page": key}


HIDDEN: dict[str, Any] = {"aria-hidden": "true"}
"""Of what only decorates."""
