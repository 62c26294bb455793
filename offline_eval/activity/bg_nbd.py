"""BG/NBD (Fader, Hardie & Lee 2005): who has not returned yet counts as alive, however long ago."""

from typing import ClassVar

from offline_eval.activity.beta_geometric import BetaGeometric


class BgNbd(BetaGeometric):
    """Chances to drop out come with returns."""

    __slots__ = ()

    first_chance: ClassVar[int] = 0
