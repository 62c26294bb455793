"""How far an experiment's learning has come."""

from typing import Any

from starlette.responses import Response

from api.auth import needs
from api.dependencies import Call, Caller, cold_router
from api.schemas.bodies import answer
from api.schemas.results import LearningStatus
from experiments.views.learning_status import learning_status

router = cold_router("learning")


@router.get("/v1/experiments/{key}/learning", response_model=LearningStatus)
@needs("read")
async def learning(call: Caller, key: str) -> Response:
    """Whether everything that has matured is joined, learned and published, and what this process decides by."""
    status = await call.run(learning_status, key)
    if _loaded(call, key) != _published(status):
        await call.service.refresh()
    loaded = _loaded(call, key)
    for learner in status["learners"]:
        learner["loaded_snapshot_id"] = loaded.get(learner["variant"])
    return answer(status)


def _published(status: dict[str, Any]) -> dict[str, int]:
    return {each["variant"]: each["snapshot_id"] for each in status["learners"] if each["snapshot_id"] is not None}


def _loaded(call: Call, key: str) -> dict[str, int]:
    plan = call.service.hot.runtime.plan(key)
    return {} if plan is None else dict(plan.snapshots)
