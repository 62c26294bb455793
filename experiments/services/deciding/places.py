"""Which epoch and attempt a request is for, or which stored decision answers it (law 4): a pure function."""

from typing import NamedTuple

from experiments.store.deciding.decision_log import Stored


class Place(NamedTuple):
    """Where a new decision goes."""

    epoch: int
    attempt: int


class Ask(NamedTuple):
    """What of a request settles its place. `window` is the decision window, `at` the instant; `arm` a forced arm."""

    window: int
    at: int
    forced: str | None = None


def place_of(ask: Ask, latest: Stored | None, keyed: Stored | None) -> Stored | Place:
    """The stored decision that answers the request, or the place of a new one.

    `latest` is the unit's last decision, `keyed` the last of the request's idempotency key (of the same unit).
    The first decision is epoch 0; at or after its expiry the next begins; a void raises the attempt. Without a window
    each key is an epoch. A forced arm takes the place of the open decision, unless that is the same arm, forced.
    """
    if keyed is not None and not keyed.voided:
        return keyed
    if ask.window == 0:
        if keyed is not None:
            return Place(keyed.row.epoch, keyed.row.attempt + 1)
        return Place(0 if latest is None else latest.row.epoch + 1, 0)
    # A key may be used once per attempt: a voided decision of the key keeps its attempt for ever.
    least = 0 if keyed is None else keyed.row.attempt + 1
    if latest is None or ask.at >= latest.row.expires_at:
        return Place(0 if latest is None else latest.row.epoch + 1, least)
    if latest.voided or not _answers(latest, ask):
        return Place(latest.row.epoch, max(least, latest.row.attempt + 1))
    return latest


def _answers(latest: Stored, ask: Ask) -> bool:
    return ask.forced is None or (latest.row.mode == "forced" and latest.row.arm == ask.forced)
