"""Policies to judge: fixed arms, uniform, the logging policy, a marketer's rules, an analyst's own, learned ones."""

from offline_eval.candidates.candidate import Candidate
from offline_eval.candidates.errors import PolicyFaultsError, UnknownCandidateError
from offline_eval.candidates.learners import LEARNERS
from offline_eval.candidates.own import Contexts, own, parquet_candidate, with_pmf_columns
from offline_eval.candidates.registry import build_candidate, check_names, default_names, expand
from offline_eval.candidates.training import Training, judged, training_rows

__all__ = [
    "LEARNERS",
    "Candidate",
    "Contexts",
    "PolicyFaultsError",
    "Training",
    "UnknownCandidateError",
    "build_candidate",
    "check_names",
    "default_names",
    "expand",
    "judged",
    "own",
    "parquet_candidate",
    "training_rows",
    "with_pmf_columns",
]
