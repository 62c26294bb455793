"""A service that answers by a list."""

import json

import httpx

from winback_client import Options, Retrying

QUICK = Retrying(attempts=3, base=0.001, longest=0.002, patience=5.0)
DECISION = {
    "experiment": "e",
    "unit_id": "u",
    "assigned": True,
    "reason": "new",
    "arm": "a",
    "decided_at": "2026-01-01T00:00:00Z",
    "a_newer_field": 1,
}


def options(**more):
    return Options(retrying=QUICK, rest=0.0, **more)


class Script:
    """A service that answers by a list of responses, then by the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.seen = []

    def __call__(self, request):
        self.seen.append((request.method, request.url.path, json.loads(request.content or b"null")))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body, *headers = answer
        return httpx.Response(status, json=body, headers=headers[0] if headers else {})


AWAY = httpx.ConnectError("refused")
