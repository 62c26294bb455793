"""MBG/NBD (Batislam, Denizel & Filiztekin 2007): the first visit, too, may be the last."""

from typing import ClassVar

from offline_eval.activity.beta_geometric import BetaGeometric


class MbgNbd(BetaGeometric):
    """The first visit is a chance to drop out as well."""

    __slots__ = ()

    first_chance: ClassVar[int] = 1
