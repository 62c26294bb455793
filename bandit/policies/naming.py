"""Which arms the parameters of a policy name."""

from collections.abc import Iterator, Mapping
from typing import Any


class NamesNoArm:
    """What a policy says of its parameters where they name no arm; others override both."""

    @classmethod
    def arms_named(cls, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(JSON pointer, arm) of every arm named: none."""
        yield from ()

    @classmethod
    def sole_arm(cls, params: Mapping[str, Any]) -> str | None:
        """The one arm for everybody: none."""
        return None
