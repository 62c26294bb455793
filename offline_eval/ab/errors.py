"""What can go wrong when groups are compared.

ReadoutError
├── SampleError       columns that do not fit together, or numbers that no statistic may see
└── ComparisonError   a comparison is asked of samples that cannot answer it (not 0/1, no denominator, no covariates)
"""


class ReadoutError(Exception):
    """Base of everything that readouts raise."""


class SampleError(ReadoutError):
    """Columns of different lengths, not finite, or samples of different columns added to each other."""


class ComparisonError(ReadoutError):
    """The samples lack what the comparison needs; the message says what."""
