"""What a Prometheus server reads."""

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.auth import public
from api.openapi import Operation, described
from experiments.services.opening import Service

DECISIONS = Counter("winback_decisions", "Answered requests for an arm, by reason.", ["reason"])
REFUSALS = Counter("winback_decision_refusals", "Requests for an arm that were refused, by status.", ["status"])
OUTCOMES = Counter("winback_outcomes", "Outcomes received, by class.", ["class"])
VOIDS = Counter("winback_voids", "Decisions voided.")
SECONDS = Histogram(
    "winback_decision_seconds",
    "From a request for one arm to its committed answer.",
    buckets=(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0),
)


@public
@described(Operation("Metrics", str, tag="health", media_type="text/plain"))
async def metrics(request: Request) -> Response:
    """The process's metrics in Prometheus' text format; signs of trouble are counted over all processes."""
    service: Service = request.app.state.winback
    return Response(generate_latest(REGISTRY) + _security(service), media_type=CONTENT_TYPE_LATEST)


def _security(service: Service) -> bytes:
    name = "winback_security_events_total"
    lines = [f'{name}{{kind="{kind}"}} {count}' for kind, count in service.watch.counted().items()]
    told = ["# HELP winback_security_events_total Signs of trouble, by kind.", f"# TYPE {name} counter", *lines, ""]
    return "\n".join(told).encode()


routes = [Route("/metrics", metrics, methods=["GET"])]
