"""Pages without scripts: the sign-in, and the person's own account. They work before, and without, everything else."""

from typing import Any

import flask
from flask import Response

from dashboard.headers import PLAIN_POLICY


def plain_page(title: str, body: str, status: int = 200, **values: Any) -> Response:
    """The template's text, with what it names filled in and escaped."""
    text = flask.render_template_string(HEAD + body + FOOT, title=title, **values)
    return Response(text, status, {"Content-Security-Policy": PLAIN_POLICY})


def see_other(location: str) -> Response:
    """Go there now."""
    return Response("", 303, {"Location": location})


HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} · Winback</title><link rel="stylesheet" href="/assets/sign-in.css">
<link rel="icon" href="/assets/favicon.svg">
</head>
<body>
<main>
  <p class="brand"><span class="brand-mark" aria-hidden="true"></span>Winback</p>
  <h1>{{ title }}</h1>
  {% if error %}<p class="error" role="alert">{{ error }}</p>{% endif %}
"""
FOOT = """
</main>
</body>
</html>"""
