"""What can be wrong with histories of activity."""


class HistoryError(ValueError):
    """The histories cannot be, or are too few to say anything."""
