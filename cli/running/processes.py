"""The processes of a running Winback, in the order in which they start. A new one is one line here."""

PROCESSES: dict[str, tuple[str, ...]] = {
    "api": ("cli", "api"),
    "worker": ("cli", "worker"),
    "dashboard": ("cli", "dashboard"),
}
"""Name → what follows `python -m`."""

CONSUMER = ("cli", "consume")
"""Reads the broker's queues, where there is a broker."""

DEMO = ("cli.demo",)
"""The simulated campaign of `winback run --demo`."""
