"""The API call that does what the form would do."""

import json

from dashboard.designer.document import Json, concise, patch_between


def call_of(document: Json, key: str | None, before: Json) -> str:
    """As typed into a shell: `POST` for a new campaign, `PATCH` with what differs for a stored one."""
    body = concise(document) if key is None else patch_between(before, document)
    address = "$WINBACK_URL/v1/experiments" if key is None else f"$WINBACK_URL/v1/experiments/{key}"
    verb = "POST" if key is None else "PATCH"
    written = json.dumps(body, indent=2, ensure_ascii=False).replace("'", "'\\''")
    return "\n".join(
        [
            f"curl -X {verb} {address} \\",
            '  -H "Authorization: Bearer $WINBACK_KEY" \\',
            '  -H "Content-Type: application/json" \\',
            f"  -d '{written}'",
        ]
    )
