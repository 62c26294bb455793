"""What a decision's `record` column holds: everything the pmf depended on, so that it can be derived again."""

import msgspec

from bandit.rounds import Scalar


class Record(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The evidence of one decision.

    Attributes:
        context: as used: the caller's, joined with the stored profile.
        eligible: keys of the K eligible arms in the definition's order.
        pmf: K probabilities in that order, as drawn from (after floor and overrides).
        excluded: arm key → why it was not eligible.
        weights: manual weight overrides in force, arm key → probability the arm was given.
        costs: manual cost overrides in force, arm key → reward cost.
        paused: paused variant's key → the one arm its units got (its own decisions name the policy `paused`).
        snapshots: variant key → id of the snapshot that variant would have used (for marginal propensities).
        shadow: shadow policy key → its pmf over `eligible`, under the same price.
        shadow_price: price on cost (lambda) of budget pacing, where there is a budget.
        expected_costs: arm → what it was expected to cost, where that price was above zero.
        history_version: version of the features of the unit's history in the context; 0 where there are none.
        segment: value of the readout segment.
        erased: the person was erased: unit and context are gone, so that nothing can be derived again.
        bucket: of an erased person, the unit's bucket in rollups, so that these can be added up again.
        draw: of an erased person, the number that drew.
    """

    context: dict[str, Scalar]
    eligible: list[str]
    pmf: list[float]
    policy: str
    floor: float | None = None
    excluded: dict[str, str] = {}
    weights: dict[str, float] = {}
    costs: dict[str, float] = {}
    paused: dict[str, str] = {}
    snapshots: dict[str, int] = {}
    shadow: dict[str, list[float]] = {}
    shadow_price: float | None = None
    expected_costs: dict[str, float] = {}
    feature_version: int = 1
    history_version: int = 0
    segment: str = ""
    erased: bool = False
    bucket: int | None = None
    draw: float | None = None


encode_record = msgspec.json.Encoder().encode
decode_record = msgspec.json.Decoder(Record).decode
