"""Variants against the control: one contrast for each metric, p-values adjusted for what is compared together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments.views.readout.bounds import NO_BOUNDS, Bounds
from experiments.views.readout.group import Group
from experiments.views.readout.withholding import noted
from offline_eval.ab.bucketed import Linearised
from offline_eval.ab.bucketed_methods import METHODS
from offline_eval.ab.contrast import Contrast
from offline_eval.ab.multiplicity import ADJUSTMENTS
from offline_eval.ab.posterior import best_of
from offline_eval.ab.posteriors_of_buckets import posterior_of_buckets

Document = dict[str, Any]
Named = dict[str, dict[str, Contrast]]
"""Group → metric → contrast."""


@dataclass(frozen=True, slots=True)
class Comparing:
    """How: by which method, at which level, adjusted how; `bounds` are what is known of money beforehand."""

    method: str
    alpha: float = 0.05
    adjustment: str = "benjamini_hochberg"
    bounds: Bounds = NO_BOUNDS

    def contrasts(self, treated: Mapping[str, Group], control: Group, metrics: Sequence[str]) -> Named:
        """Every group against the control; all were prepared for the metrics."""
        bottoms = {name: control.linearised(name) for name in metrics}
        return {
            key: {name: self.contrast(group.linearised(name), bottoms[name]) for name in metrics}
            for key, group in treated.items()
        }

    def contrast(self, treated: Linearised, control: Linearised) -> Contrast:
        """Of one metric. A difference of 0/1 metrics is at most 1, whatever an approximation with few units says."""
        found = METHODS[self.method](treated, control, self.alpha)
        binary = treated.binary and control.binary
        return replace(found, absolute=found.absolute.held_within(-1.0, 1.0)) if binary else found

    def documents(self, found: Named) -> dict[str, Document]:
        """JSON forms with `p_adjusted`: over all groups, for each metric by itself."""
        metrics = list(dict.fromkeys(name for contrasts in found.values() for name in contrasts))
        adjusted = {name: self._adjusted(found, name) for name in metrics}
        return {
            key: {
                name: noted(one.as_dict(), name, self.bounds) | {"p_adjusted": adjusted[name].get(key)}
                for name, one in contrasts.items()
            }
            for key, contrasts in found.items()
        }

    def _adjusted(self, found: Named, metric: str) -> dict[str, float]:
        known = {key: one[metric].p_value for key, one in found.items() if metric in one}
        return ADJUSTMENTS[self.adjustment]({key: p for key, p in known.items() if p is not None})


def chances(groups: Mapping[str, Linearised]) -> dict[str, Document]:
    """Each group's posterior probability of the highest mean and the loss to expect if it is chosen; {} too early."""
    posteriors = {key: posterior_of_buckets(group) for key, group in groups.items()}
    known = {key: posterior for key, posterior in posteriors.items() if posterior is not None}
    if len(known) < len(posteriors) or len(known) < 2:
        return {}
    return {key: {"probability_best": best, "expected_loss": loss} for key, (best, loss) in best_of(known).items()}


def by_metric(groups: Mapping[str, Group], metrics: Sequence[str]) -> dict[str, dict[str, Document]]:
    """Group → metric → `chances`."""
    found: dict[str, dict[str, Document]] = {key: {} for key in groups}
    for name in metrics:
        for key, document in chances({key: group.linearised(name) for key, group in groups.items()}).items():
            found[key][name] = document
    return found
