"""How many people a feature was seen with, without a word about who they are.

What only a few people share may tell who they are, and snapshots last for ever. So until a feature is common, a policy
keeps a hash of its name and 64 bits: every person sets one of them, always the same one for this feature. As many
people as bits that are set were certainly seen (linear counting, Whang, Vander-Zanden & Taylor 1990, without its
correction upwards); 20 bits take 24 people on average.
"""

from bandit.features import feature_index

PENDING_LIMIT = 8192
"""Features that are counted at once; where there are more, counting begins anew."""

_BITS = 64
_MIX = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1


class Crowds:
    """Bits by feature, as JSON can keep them."""

    def __init__(self, bits: dict[str, int] | None = None) -> None:
        self._bits = {int(index): set_ for index, set_ in (bits or {}).items()}

    def add(self, name: str, person: int | None) -> int:
        """One more sighting; with how many people, at least, the feature has been seen now.

        `person` is 64 random bits that stand for a unit; None is somebody not seen before.
        """
        index = feature_index(name)
        seen = self._bits.pop(index, 0)
        if person is None:
            seen |= seen + 1
        else:
            seen |= 1 << (((person ^ index) * _MIX & _WORD) >> 58)
        if len(self._bits) >= PENDING_LIMIT:
            self._bits.clear()
        self._bits[index] = seen & _WORD
        return self._bits[index].bit_count()

    def drop(self, name: str) -> None:
        """Count this feature no longer."""
        self._bits.pop(feature_index(name), None)

    def state(self) -> dict[str, int]:
        """JSON-able."""
        return {str(index): seen for index, seen in self._bits.items()}
