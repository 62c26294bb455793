"""What the worker's jobs share: one lease, one joiner, one learner, the definitions they have read."""

from collections.abc import Callable

import structlog

from experiments.errors import LeaseLostError, UnavailableError
from experiments.jobs.background import Background
from experiments.jobs.broker_publisher import BrokerPublisher
from experiments.jobs.push_thread import PushThread
from experiments.services.joining.joiner import Joiner
from experiments.services.learning.learner import LearningService
from experiments.services.leasing import Leaseholder
from experiments.services.limits.pacing import Pacer
from experiments.services.portfolio import PortfolioTier
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from experiments.store.core.lease import Lease
from experiments.store.designing.revisions import RevisionBook

_log = structlog.get_logger("winback.worker")


class WorkerContext:
    """A worker's place. Not for several threads: the scheduler runs one job at a time.

    `looks`: experiment → its version and last round when monitoring looked at it last.
    `drained`: the last join came to its end under the present lease. Learning waits for it, so that which rounds
    make a snapshot does not depend on when a worker died or gave way.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = engine_for(settings, patient=True)
        self.leaseholder = Leaseholder(self.engine, settings)
        self.background, self.segmenting, self.batching = Background(), Background(), Background()
        self.refreshing = Background()
        self.planner = Background()
        self.publisher = BrokerPublisher(settings)
        self.push_thread = PushThread()
        self.drained = False
        self.looks: dict[int, tuple[int, int]] = {}
        self.portfolio = PortfolioTier(self.engine)
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
        for beside in (self.background, self.segmenting, self.batching, self.refreshing):
            beside.close()
        self.planner.close()
        self.publisher.close()
        self.push_thread.close()
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
        book = self.book = RevisionBook()
        self.joiner = Joiner(self.engine, book)
        self.learner = LearningService(self.engine, book)
        self.pacer = Pacer(self.engine, book)
