"""The arms of a log: which there are, in which order, and what describes them."""

from collections.abc import Iterable

from bandit.rounds import Arm, Scalar
from offline_eval.logs.spec import LogSpec


def log_arms(spec: LogSpec, seen: Iterable[str]) -> tuple[Arm, ...]:
    """Every arm of the log: those of `[[arms]]` in its order where it is complete, else all that occur, sorted.

    Arms that are numbers sort as numbers. An arm made of several columns is described by their values.
    """
    described = {arm.key: arm for arm in spec.arms}
    known = {*seen, *([spec.control] if spec.control else ())}
    if spec.closed:
        order = [*described, *sorted(known - described.keys())]
    else:
        order = sorted(known | described.keys(), key=_natural)
    return tuple(described.get(key) or _joined(spec, key) for key in order)


def _natural(key: str) -> tuple[int, int, str]:
    return (0, int(key), "") if key.isdecimal() else (1, 0, key)


def _joined(spec: LogSpec, key: str) -> Arm:
    values = key.split("|")
    if len(spec.arm) == 1 or len(values) != len(spec.arm):
        return Arm(key)
    return Arm(key, attributes={name: _scalar(value) for name, value in zip(spec.arm, values, strict=True)})


def _scalar(text: str) -> Scalar:
    try:
        return float(text)
    except ValueError:
        return text or None
