"""Policies to judge: each fixed arm, uniform, the logging policy, a marketer's rules, and learned ones."""

from offline_eval.candidates.candidate import Candidate
from offline_eval.candidates.errors import UnknownCandidateError
from offline_eval.candidates.learners import LEARNERS
from offline_eval.candidates.registry import build_candidate, check_names, default_names, expand, needs_training
from offline_eval.candidates.training import Training, judged, training_rows

__all__ = [
    "LEARNERS",
    "Candidate",
    "Training",
    "UnknownCandidateError",
    "build_candidate",
    "check_names",
    "default_names",
    "expand",
    "judged",
    "needs_training",
    "training_rows",
]
