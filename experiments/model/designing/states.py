"""The life of an experiment: draft → running ⇄ paused → stopped → archived."""

from typing import Literal, NamedTuple

Status = Literal["draft", "running", "paused", "stopped", "archived"]
STATUSES: tuple[Status, ...] = ("draft", "running", "paused", "stopped", "archived")

LIVE: tuple[Status, ...] = ("draft", "running", "paused")
"""Holding on to their place in a layer."""


class Transition(NamedTuple):
    """From which states to which."""

    sources: frozenset[str]
    target: Status


TRANSITIONS: dict[str, Transition] = {
    "start": Transition(frozenset({"draft"}), "running"),
    "pause": Transition(frozenset({"running"}), "paused"),
    "resume": Transition(frozenset({"paused"}), "running"),
    "stop": Transition(frozenset({"running", "paused"}), "stopped"),
    "archive": Transition(frozenset({"draft", "stopped"}), "archived"),
}
