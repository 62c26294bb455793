"""The live line: what the campaign has come to, over the last half minute and so far."""

import time
from collections import defaultdict, deque

RECENT_SECONDS = 30.0


class Tally:
    """Decisions and returns by variant."""

    def __init__(self) -> None:
        self.decisions = 0
        self._started = time.monotonic()
        self._recent: deque[tuple[float, str, bool]] = deque()
        self._total: dict[str, list[int]] = defaultdict(lambda: [0, 0])

    def count(self, variant: str, returned: bool) -> None:
        """Note a decision and whether its person will come back."""
        self.decisions += 1
        self._recent.append((time.monotonic(), variant, returned))
        self._total[variant][0] += 1
        self._total[variant][1] += returned

    def line(self) -> str:
        """One line for the terminal."""
        now = time.monotonic()
        while self._recent and self._recent[0][0] < now - RECENT_SECONDS:
            self._recent.popleft()
        span = max(min(now - self._started, RECENT_SECONDS), 1e-9)
        shares = " · ".join(f"{variant} {self._share(variant)}" for variant in sorted(self._total))
        return f"demo: {self.decisions:,} decisions ({len(self._recent) / span:.0f}/s) · came back: {shares}"

    def _share(self, variant: str) -> str:
        recent = [returned for _, name, returned in self._recent if name == variant]
        units, returned = self._total[variant]
        now = f"{sum(recent) / len(recent):.1%}" if recent else "–"
        return f"{now} (so far {returned / units:.1%})"
