"""Names and revisions one after the other, as they are read out."""

from collections.abc import Sequence
from itertools import groupby


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), *names[-1:]] if len(names) > 1 else names)


def in_runs(revisions: Sequence[int]) -> str:
    """`revision 2`, `revisions 1 and 3`, `revisions 1 to 4 and 7`; runs of three and more are told by their ends."""
    ordered = sorted(set(revisions))
    runs = [[number for _, number in run] for _, run in groupby(enumerate(ordered), key=lambda one: one[1] - one[0])]
    told = [[f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(number) for number in run] for run in runs]
    return f"revision{'s' * (len(ordered) > 1)} {listed([one for run in told for one in run])}"
