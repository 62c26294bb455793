"""What the money account of one life claimed, beside what its design holds."""

from collections.abc import Iterator

from benchmarks.claims.counting import Seen, bounded, held
from benchmarks.claims.designs import Design, price
from offline_eval.ab.money import Money


def earned(design: Design, found: Money) -> Iterator[Seen]:
    """Claims of `found`, the account of the treated arm (law 1) beside the control (law 0), per unit.

    That something is shown is asked only where every unit counts once and the smaller arm has data enough.
    """
    contact, reward = design.costs
    control, treated = design.laws
    cost, back = contact + reward * treated.rate, treated.rate - control.rate
    net = design.margin * treated.mean - cost
    more = net - design.margin * control.mean
    value = held("interval: net value", found.lift["net_value"].absolute, more)
    own = held("interval: ROI", found.roi.estimate, net / cost)
    yield from (value, own)
    if design.has_data_enough and not design.people.index:
        yield from (bounded("shown: net value", value), bounded("shown: ROI", own))
    if found.incremental_roi is not None:
        yield held("interval: incremental ROI", found.incremental_roi.estimate, more / cost)
    if found.cost_per_incremental is not None:
        yield held("interval: cost per incremental", found.cost_per_incremental.estimate, price(cost, back))
