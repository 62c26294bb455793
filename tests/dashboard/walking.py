"""Walks through drawn components."""

from dash._utils import to_json
from dash.development.base_component import Component


def walk(node):
    """Every component below, itself included."""
    if isinstance(node, list | tuple):
        for each in node:
            yield from walk(each)
    elif isinstance(node, Component):
        yield node
        yield from walk(getattr(node, "children", None))


def identified(node, *types):
    """Those with a pattern-matching id of one of these types."""
    found = (each for each in walk(node) if isinstance(getattr(each, "id", None), dict))
    return [each for each in found if each.id["type"] in types]


def words(node):
    """All that is shown, roughly."""
    return str(to_json(node))
