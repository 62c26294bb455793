"""What a process loads before it answers."""

import subprocess
import sys

HEAVY = ("pandas", "plotly", "scipy.stats", "scipy.optimize", "sklearn")


def test_the_service_starts_without_what_only_analyses_need():
    found = subprocess.run(
        [sys.executable, "-c", f"import sys, api.app; print([m for m in {HEAVY!r} if m in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"
