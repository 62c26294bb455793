"""What the worker's jobs share: one lease, one joiner, one learner, the definitions they have read."""

from collections.abc import Callable

import structlog

from experiments.errors import LeaseLostError, UnavailableError
from experiments.jobs.background import Background
from experiments.services.joining import Joiner
from experiments.services.learning import LearningService
from experiments.services.leasing import Leaseholder
from experiments.settings import Settings
from experiments.store.engine import engine_for
from experiments.store.lease import Lease
from experiments.store.revisions import RevisionBook

_log = structlog.get_logger("winback.worker")


class Desk:
    """A worker's place. Not for several threads: the scheduler runs one job at a time.

    `drained`: the last join came to its end under the present lease. Learning waits for it, so that which rounds
    make a snapshot does not depend on when a worker died or gave way.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = engine_for(settings, patient=True)
        self.leaseholder = Leaseholder(self.engine, settings)
        self.background = Background()
        self.drained = False
        self._open_book()

    def under_lease(self, work: Callable[[Lease], int]) -> int:
        """Do the work if the lease is ours; how much was done. Never raises what the next run may mend."""
        try:
            lease = self.leaseholder.hold()
            if lease is not None:
                return work(lease)
            self.drained = False
        except LeaseLostError as error:
            _log.warning("another worker acts", reason=str(error))
            self._start_over()
        except UnavailableError as error:
            _log.warning("database away", reason=str(error))
            self.drained = False
        except Exception:
            _log.exception("job failed")
            self.drained = False
        return 0

    def close(self) -> None:
        """End what runs beside, let go of the lease and of the database."""
        self.background.close()
        try:
            self.leaseholder.release()
        except (LeaseLostError, UnavailableError):
            self.leaseholder.lost()
        self.engine.dispose()

    def _start_over(self) -> None:
        self.drained = False
        self.leaseholder.lost()
        self._open_book()

    def _open_book(self) -> None:
        book = RevisionBook()
        self.joiner = Joiner(self.engine, book)
        self.learner = LearningService(self.engine, book)
