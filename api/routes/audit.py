"""Who did what."""

from typing import Annotated

from fastapi import Depends, Query
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer, wanted_page
from api.schemas.credentials import AuditCheckDocument, AuditLog
from experiments.services.access.auditing import verify_audit
from experiments.views import credentials as views
from experiments.views.paging import Wanted

router = cold_router("credentials")


@router.get("/v1/audit", response_model=AuditLog)
@needs("admin")
async def list_entries(
    call: Caller,
    wanted: Annotated[Wanted, Depends(wanted_page)],
    target: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
) -> Response:
    """Entries, newest first; `target` narrows to one experiment, key prefix or person."""
    return answer(await call.run(views.audit_log, wanted, target))


@router.get("/v1/audit/verification", response_model=AuditCheckDocument)
@needs("admin")
async def verify(call: Caller) -> Response:
    """Walk the chain of hashes: is the log as it was written?"""
    check = await call.report(verify_audit)
    if check.problems:
        call.service.watch.note("audit_broken", "audit trail", "")
    return answer(check)
