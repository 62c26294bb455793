"""What can go wrong when candidates are named."""


class UnknownCandidateError(Exception):
    """A policy that is not there, or that this log cannot judge; the message says what there is."""
