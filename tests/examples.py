"""How many examples a property test tries: few where each is slow, more of them where seeds are fresh."""

import os
from typing import Any

from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("WINBACK_PROPERTIES", "fixed")
"""`fixed`: the same examples in every run, so that a suite is green or red, never sometimes. `fresh`: new ones."""

TIMES = 5
"""Fresh runs try this many times as many examples; what they find is kept as an example of its test."""

_KEPT: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}


def register_profiles() -> None:
    """Both profiles, and the one that the environment names in force. Raises hypothesis' error for unknown names."""
    settings.register_profile("fixed", derandomize=True, **_KEPT)
    settings.register_profile("fresh", derandomize=False, print_blob=True, max_examples=100 * TIMES, **_KEPT)
    settings.load_profile(PROFILE)


def few(examples: int, **options: Any) -> settings:
    """Of a test whose examples take long."""
    return settings(max_examples=examples * (TIMES if PROFILE == "fresh" else 1), **options)
