"""What a definition holds that the form does not show."""

from typing import Any

from dashboard.designer.document import Json

_TOP: Json = {"clock": "server", "metrics": [], "grace": "PT1H", "shadow": [], "layer": None, "ofrep_bulk": False}
_ARM: Json = {"attributes": {}, "payload": {}, "catalogue": None}
_GUARDRAIL: Json = {"versus": None, "better": None}
_STOP: Json = {"futility": None, "guardrail": None, "variant": None, "versus": None}
_SHOWN_PARAMS = {"fixed": {"arm"}, "split": {"weights"}, "rules": {"rules", "list", "default"}}


def beyond(document: Json) -> Json:
    """Pointer → value, of everything that is not shown and not as it would be by default."""
    found = _unusual("", document, _TOP)
    for place, arm in enumerate(document.get("arms", [])):
        found |= _unusual(f"/arms/{place}", arm, _ARM)
    for place, variant in enumerate(document.get("variants", [])):
        policy = variant.get("policy", {})
        known = _SHOWN_PARAMS.get(policy.get("name"), set())
        inner = {name: value for name, value in policy.get("params", {}).items() if name not in known}
        found |= {f"/variants/{place}/policy/params/{name}": value for name, value in inner.items()}
    for place, rule in enumerate(document.get("guardrails", [])):
        found |= _unusual(f"/guardrails/{place}", rule, _GUARDRAIL)
    found |= _unusual("/stop", document.get("stop") or {}, _STOP)
    return found | _unusual("/quiet_hours", document.get("quiet_hours") or {}, {"time_zone": None})


def _unusual(at: str, node: Json, usual: Json) -> dict[str, Any]:
    return {f"{at}/{name}": node[name] for name, value in usual.items() if name in node and node[name] != value}
