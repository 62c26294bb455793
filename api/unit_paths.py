"""Ids of units in paths, to the last character: they may hold slashes and line breaks.

Starlette's own `path` stops before a line break, so that `/v1/units/ana%0A` would be ana's.
"""

from starlette.convertors import Convertor, register_url_convertor


class UnitConvertor(Convertor[str]):
    """`{unit_id:unit}`."""

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        """As it is."""
        return value

    def to_string(self, value: str) -> str:
        """As it is."""
        return value


register_url_convertor("unit", UnitConvertor())
UNIT = "{unit_id:unit}"
