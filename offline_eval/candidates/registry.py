"""From names to candidates."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import NamedTuple

from bandit.policies import DEFAULT_POLICY, POLICIES
from bandit.rounds import NOTHING, PolicySpec
from offline_eval.candidates.candidate import Candidate
from offline_eval.candidates.errors import UnknownCandidateError
from offline_eval.candidates.learned import Step, play, train
from offline_eval.candidates.learners import LEARNERS
from offline_eval.candidates.own import COLUMN, column_candidate
from offline_eval.candidates.picks import Picks
from offline_eval.candidates.plug_in import train_plug_in
from offline_eval.candidates.recorded import Recorded
from offline_eval.candidates.spread import Logging, Uniform
from offline_eval.candidates.training import TRAINING_ROWS, Training
from offline_eval.logs.log import Log
from offline_eval.models import DEFAULT_OUTCOME_MODEL, OUTCOME_MODELS

AFFORDABLE = 1_000_000
"""Rows x arms up to which every learned policy of the service is a candidate unless candidates are named."""

LONG = 2_000_000
"""Rows beyond which no policy is a candidate by default that must be asked row by row."""

MOST_ARMS = 100
"""Arms up to which each is a candidate unless candidates are named."""


def default_names(log: Log) -> list[str]:
    """What is judged when nobody says: logging, uniform, each arm, the rules, and learned ones as the log allows."""
    fixed = [f"fixed:{key}" for key in log.keys] if len(log.arms) <= MOST_ARMS else []
    learned = [DEFAULT_POLICY] if log.n <= LONG else []
    if log.n * len(log.arms) <= AFFORDABLE:
        learned = [name for name, policy in POLICIES.items() if policy.learned]
    shadows = [f"shadow:{name}" for name in log.spec.shadows]
    return ["logging", "uniform", *fixed, *(["rules"] if log.spec.rules else []), *shadows, "plug_in", *learned]


GROUPS = ("fixed", "learned", "all")
"""Names that stand for several candidates."""


def expand(log: Log, names: Iterable[str]) -> list[str]:
    """`all` → every default and learner; `fixed` → each arm; `learned` → every learner. Order kept, no doubles."""
    groups = {
        "fixed": [f"fixed:{key}" for key in log.keys],
        "learned": ["plug_in", *LEARNERS],
        "all": [*default_names(log), *LEARNERS],
    }
    return list(dict.fromkeys(single for name in names for single in groups.get(name, [name])))


class Named(NamedTuple):
    """What names of candidates may refer to: arms, shadows, whether there are rules, and how many rows."""

    arms: Collection[str]
    shadows: Collection[str]
    rules: bool
    rows: int = 0

    @classmethod
    def of(cls, log: Log) -> "Named":
        """Of a log."""
        return cls(log.keys, log.spec.shadows, log.spec.rules is not None, log.n)


def check_names(log: Log, names: Iterable[str]) -> None:
    """Raise UnknownCandidateError for the first name that means nothing here."""
    known = Named.of(log)
    for name in names:
        if why := fault_of_name(name, known):
            raise UnknownCandidateError(why)


def fault_of_name(name: str, known: Named) -> str:
    """Why a name means nothing here; "" where it means something."""
    kind, _, rest = name.partition(":")
    plain = "logging, uniform, rules, fixed:<arm>, shadow:<key>, column:<name>, plug_in[:<model>], online:<learned>"
    learner = rest if kind == "online" else name
    faults = (
        (kind == "fixed" and rest not in known.arms, f"'{name}': the log's arms are {', '.join(known.arms)}"),
        (name == "rules" and not known.rules, "'rules': the log spec has no [rules]"),
        (
            kind == "shadow" and rest not in known.shadows,
            f"'{name}': the log's shadows are {', '.join(known.shadows) or 'none'}",
        ),
        (
            kind == "plug_in" and rest and rest not in OUTCOME_MODELS,
            f"'{name}': outcome models are {', '.join(OUTCOME_MODELS)}",
        ),
        (
            kind == "online" and known.rows > TRAINING_ROWS,
            f"'{name}': a policy is played online over at most {TRAINING_ROWS:,} rows",
        ),
        (
            learner not in LEARNERS and kind not in _PLAIN,
            f"unknown policy '{name}'; known: {plain}, {', '.join(LEARNERS)}, learned, all",
        ),
    )
    return next((why for wrong, why in faults if wrong), "")


_PLAIN = ("logging", "uniform", "rules", "fixed", "shadow", COLUMN, "plug_in")


def build_candidate(name: str, log: Log, training: Callable[[], Training], step: Step = lambda _: None) -> Candidate:
    """One candidate, trained where it needs to be; `training` is asked for rows only then."""
    kind, _, rest = name.partition(":")
    if kind in ("logging", "uniform", "shadow"):
        return Recorded(name, rest) if rest else (Logging if kind == "logging" else Uniform)(len(log.arms))
    if kind == COLUMN:
        return column_candidate(name, log)
    if kind in ("fixed", "rules"):
        return _picks(name, rest, log)
    if kind == "plug_in":
        return _renamed_plug_in(name, rest or DEFAULT_OUTCOME_MODEL, log, training())
    if kind == "online":
        return play(name, PolicySpec(rest), log, training(), step)
    return train(name, PolicySpec(name), log, training(), step)


def _picks(name: str, arm: str, log: Log) -> Picks:
    name_of_control = log.spec.control or NOTHING
    control = log.keys.index(name_of_control) if name_of_control in log.keys else None
    rules = log.spec.rules
    if arm or rules is None:
        return Picks(name, len(log.arms), ((None, log.keys.index(arm)),), control)
    lines = [(row.when, log.keys.index(row.arm)) for row in rules.rows]
    return Picks(name, len(log.arms), (*lines, (None, log.keys.index(rules.default))), control)


def _renamed_plug_in(name: str, model: str, log: Log, training: Training) -> Candidate:
    return replace(train_plug_in(log, training, model), name=name)
