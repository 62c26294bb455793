"""What the contract names and this version does not do: refused, never ignored."""

from collections.abc import Iterator

from experiments.errors import Fault
from experiments.model.definition import Definition


def caps_budget_guardrails(definition: Definition) -> Iterator[Fault]:
    """Limits that nobody would hold must not look as if they were held."""
    for name in ("caps", "budget", "guardrails"):
        if getattr(definition, name):
            yield Fault(f"/{name}", f"{name} is not supported in this version; leave it out")
