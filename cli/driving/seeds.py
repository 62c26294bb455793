"""Seeds: one number, or a range with both ends."""

import re

from cli.errors import CallError


def parse_seeds(text: str) -> list[int]:
    """`7` or `1..10`. Raises CallError."""
    match = re.fullmatch(r"(\d{1,9})(?:\.\.(\d{1,9}))?", text)
    if match is None:
        raise CallError(f"--seed takes a number or a range such as 1..10, not {text!r}")
    first = int(match[1])
    last = int(match[2] or first)
    if last < first:
        raise CallError(f"--seed {text} is empty: write the smaller number first")
    return list(range(first, last + 1))
