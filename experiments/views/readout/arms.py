"""Arms of adaptive variants against the control arm, from the joiner's cells: never from the log.

Contrasts are over matured, delivered decisions of the variants whose policy draws, where both arms were eligible; every
document says which share of them that is. `adjusted` and `versus` are valid although the policy moved the traffic;
`naive` is the difference of plain means, which is not, and stands beside them for comparison only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from bandit.rounds import NOTHING
from experiments.model.designing.definition import Definition
from experiments.model.tables.core import Experiment
from experiments.views.readout.arm_stacks import ArmStacks, arm_stacks
from offline_eval.ab.adaptive import ARM_CONTRASTS, ArmContrast, Limits, Stack
from offline_eval.estimate import Estimate

Document = dict[str, Any]

AT_ANY_LOOK, AT_ONE_LOOK = "arm_sequence", "adaptively_weighted"
ANYTIME = frozenset({"always_valid", "auto", AT_ANY_LOOK})
"""Methods of a readout that may be looked at again and again; the others are for one look."""


def arm_contrasts(
    connection: Connection,
    experiment_row: Experiment,
    metrics: Sequence[str],
    method: str = "auto",
    segment: str | None = None,
) -> dict[str, Document]:
    """Arm → metric → `adjusted` mean and `versus` the control arm; and `eligible_share`, see `Contrasting`.

    `method` is a readout's or one of ARM_CONTRASTS; `auto` is the sequence that may be looked at while the experiment
    runs. Metrics that the joiner keeps no cells of are left out, and so are arms that no adaptive variant ever offered.
    `segment` narrows it to one (those beyond the first 32 are kept together as "(other)").
    """
    stacks = arm_stacks(connection, experiment_row, segment)
    if stacks is None:
        return {}
    definition = Definition.model_validate(experiment_row.definition)
    kept = [name for name in dict.fromkeys(metrics) if name in stacks.metrics]
    control = control_arm(definition, stacks.arms)
    contrasting = Contrasting(stacks.arms, control, method_of(method), stacks.limits)
    return contrasting.documents({name: stacks.of(name) for name in kept}, stacks)


def method_of(method: str) -> str:
    """The name in ARM_CONTRASTS that answers to a readout's method."""
    if method in ARM_CONTRASTS:
        return method
    return AT_ANY_LOOK if method in ANYTIME else AT_ONE_LOOK


def mean_of(stack: Stack, arm: str, method: str, limits: Limits | None, alpha: float = 0.05) -> ArmContrast:
    """An arm's own adjusted mean; of a metric whose values have limits it lies between them."""
    found = ARM_CONTRASTS[method](stack, arm, None, alpha, limits)
    return found if limits is None else replace(found, absolute=found.absolute.held_within(*limits))


def control_arm(definition: Definition, arms: Sequence[str]) -> str:
    """The definition's control, else `nothing`, else the first arm."""
    wanted = (definition.control or NOTHING, NOTHING)
    return next((arm for arm in wanted if arm in arms), arms[0])


@dataclass(frozen=True, slots=True)
class Contrasting:
    """How arms are compared, and with which; `limits` are what one decision can add to a metric, where known."""

    arms: Sequence[str]
    control: str
    method: str
    limits: Mapping[str, Limits] = field(default_factory=dict)
    alpha: float = 0.05

    def documents(self, stacks: Mapping[str, Stack], whole: ArmStacks) -> dict[str, Document]:
        """Arm → its document. `eligible_share`: of decisions, where the arm and the control were eligible."""
        documents: dict[str, Document] = {}
        for arm in self.arms:
            documents[arm] = {
                name: self._document(stack, arm, name, whole.left_out(name)) for name, stack in stacks.items()
            }
            documents[arm]["eligible_share"] = whole.share(arm, self.control)
        return documents

    def _document(self, stack: Stack, arm: str, metric: str, left_out: str) -> Document:
        alone = mean_of(stack, arm, self.method, self.limits.get(metric), self.alpha)
        versus = {} if arm == self.control else {self.control: self._versus(stack, arm, metric, left_out)}
        return {"adjusted": alone.absolute.as_dict(), "versus": versus} | _noted(alone.note, left_out)

    def _versus(self, stack: Stack, arm: str, metric: str, left_out: str) -> Document:
        limits = self.limits.get(metric)
        found, plain = (
            ARM_CONTRASTS[method](stack, arm, self.control, self.alpha, limits) for method in (self.method, "naive")
        )
        if limits is not None:
            width = limits[1] - limits[0]
            found, plain = (replace(one, absolute=one.absolute.held_within(-width, width)) for one in (found, plain))
        document: Document = {
            "absolute": found.absolute.as_dict(),
            "relative": _relative(found),
            "p_value": found.p_value,
            "naive": plain.absolute.as_dict(),
            "expected_events": found.expected_events,
            "estimand": estimand(metric, (arm, self.control), found.share, bool(left_out)),
        }
        return document | _noted(found.note, left_out)


def estimand(metric: str, pair: tuple[str, str], share: float, narrowed: bool = False) -> str:
    """What the number is of, in words; `narrowed` to revisions with a cap."""
    arm, control = pair
    whole = "those delivered and matured" + (" in revisions with a cap" if narrowed else "")
    return (
        f"{metric} per decision, had {arm} been chosen rather than {control}, over decisions of adaptive variants where"
        f" both were eligible: {share:.1%} of {whole}"
    )


def _noted(*notes: str) -> Document:
    told = "; ".join(note for note in notes if note)
    return {"note": told} if told else {}


def _relative(found: ArmContrast) -> Document:
    if found.relative is not None:
        return found.relative.as_dict()
    one = found.absolute
    return asdict(Estimate(None, None, None, one.n, one.effective_n, one.method, one.alpha))
