"""Bodies of the route about trends."""

from pydantic import BaseModel

from api.schemas.results import MetricInfo

Columns = dict[str, dict[str, list[float]]]


class Trend(BaseModel):
    """Sums by slot of time; every list is as long as `at`.

    `variants` count voided decisions (intention to treat), `arms` only delivered ones.
    """

    experiment: str
    by: str
    time_zone: str
    at: list[str]
    metrics: dict[str, MetricInfo]
    variants: Columns
    arms: Columns
