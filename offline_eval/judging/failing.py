"""Candidates that cannot be judged: each fails alone, with its reason, and the others are judged."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from offline_eval.candidates import check_names, with_pmf_columns
from offline_eval.candidates.candidate import Candidate
from offline_eval.candidates.errors import PolicyFaultsError, UnknownCandidateError
from offline_eval.judging.gathering import Gathered
from offline_eval.judging.setting import Setting
from offline_eval.logs.log import Log


@dataclass
class Failures:
    """What went wrong, by candidate, in the order in which it did.

    Attributes:
        before: reasons of candidates that were never built, such as one whose file cannot be read.
    """

    before: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, UnknownCandidateError] = field(default_factory=dict)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Where this candidate is made: what cannot be judged is noted."""
        try:
            yield
        except UnknownCandidateError as error:
            self.errors[name] = error

    def note(self, name: str, faults: tuple[str, ...]) -> None:
        """What was found wrong with a candidate's answers."""
        self.errors[name] = PolicyFaultsError(name, list(dict.fromkeys(faults)))

    def close(self, left: int) -> None:
        """Raise the first error where nobody is left to judge."""
        if left:
            return
        for error in self.errors.values():
            raise error
        for name, reason in self.before.items():
            raise UnknownCandidateError(f"'{name}': {reason}")

    @property
    def reasons(self) -> dict[str, str]:
        """In a sentence each."""
        return {**self.before, **{name: reason_of(error) for name, error in self.errors.items()}}


def reason_of(error: UnknownCandidateError) -> str:
    """Without the name that stands beside it anyway."""
    return "; ".join(error.faults) if isinstance(error, PolicyFaultsError) else str(error)


def readable(names: Sequence[str], log: Log, failures: Failures) -> tuple[list[str], Log]:
    """The names that mean something here, and the log with the columns of probabilities that they name."""
    able = []
    for name in names:
        with failures.of(name):
            check_names(log, [name])
            log = with_pmf_columns(log, [name])
            able.append(name)
    return able, log


def without_faults(
    found: dict[str, Gathered], candidates: tuple[Candidate, ...], setting: Setting, failures: Failures
) -> tuple[tuple[Candidate, ...], Setting]:
    """Those whose answers made sense in every row; `found` keeps theirs alone."""
    reference = None if setting.reference is None else candidates[setting.reference]
    for name in [name for name, one in found.items() if one.faults]:
        failures.note(name, found.pop(name).faults)
    able = tuple(candidate for candidate in candidates if candidate.name not in failures.errors)
    failures.close(len(able) - 1)
    return able, replace(setting, reference=None if reference is None else able.index(reference))
