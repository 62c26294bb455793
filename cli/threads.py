"""One thread of linear algebra per process: the matrices are small, and two threads on them wait for each other."""

import os

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def one_each() -> None:
    """Say so, where nobody said otherwise, before numpy is loaded; child processes inherit it."""
    for variable in VARIABLES:
        os.environ.setdefault(variable, "1")
