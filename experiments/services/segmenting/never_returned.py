"""Units that came once and not again."""

from pydantic import Field

from experiments.services.segmenting.segmenter import Assigned, Segmenter
from experiments.services.segmenting.source import Kinds, Source


class NeverReturned(Segmenter):
    """`new` for the first `after_days` days since a first day of activity that is still the only one, then
    `never_returned`; units that came back do not belong."""

    after_days: float = Field(14, gt=0, le=36_500)
    events: Kinds = "any"

    def assign(self, source: Source) -> Assigned:
        """See Segmenter."""
        population = source.population(self.events)
        once = population.visits.frequency == 0
        waits = population.visits.observed[once] < self.after_days
        values = ["new" if wait else "never_returned" for wait in waits.tolist()]
        return Assigned(population.units.filter(once), values)
