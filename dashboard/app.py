"""The dashboard as a WSGI application: sign-in, shell, and every page of PAGES."""

from functools import cache
from pathlib import Path

import dash_mantine_components as dmc
from dash import Dash
from sqlalchemy import Engine

from dashboard import filtering, routing, sections, theme
from dashboard.auth import install_auth
from dashboard.callbacks import Callbacks
from dashboard.compression import install_compression, ship_no_tables
from dashboard.forwarded import Forwarded
from dashboard.headers import install_headers, policy_of
from dashboard.judging import install_judge
from dashboard.pages import PAGES
from dashboard.prefetching import PendingFacts, install_foresight
from experiments.services.opening import open_service
from experiments.settings import Settings


def create_dashboard(settings: Settings, engine: Engine | None = None) -> Dash:
    """The application over the configured database (or the engine given), which must be migrated."""
    _scheme_before_drawing()
    ship_no_tables()
    app = Dash(
        "dashboard",
        title="Winback",
        update_title="",
        suppress_callback_exceptions=True,
        serve_locally=True,
        assets_ignore=r"sign-in\.css",
        include_pages_meta=False,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "description", "content": "Win-back campaigns: what they earn, and what to do next."},
        ],
        index_string=INDEX.replace("{icon}", str(int(FAVICON.stat().st_mtime))),
    )
    theme.use()
    callbacks = Callbacks(app, engine or open_service(settings).reports, settings)
    install_compression(app.server)
    install_auth(app.server, callbacks.people)
    app.layout = routing.opened(callbacks, PAGES)
    routing.register(callbacks, PAGES)
    foresight = PendingFacts(PAGES)
    install_foresight(app.server, callbacks, foresight)
    filtering.register(callbacks, foresight)
    sections.register(callbacks, PAGES)
    for page in PAGES.values():
        if page.register is not None:
            page.register(callbacks)
    install_judge(app)
    install_headers(app.server, policy_of(app))
    # Flask has no other place for what comes before the request is looked at.
    wrapped = Forwarded(app.server.wsgi_app, settings.proxies)
    app.server.wsgi_app = wrapped
    return app


@cache
def _scheme_before_drawing() -> None:
    # A hook of the whole process: a second one would declare its script's names twice on every page.
    dmc.pre_render_color_scheme()


FAVICON = Path(__file__).parent / "assets" / "favicon.svg"
INDEX = """<!DOCTYPE html>
<html lang="en">
<head>{%metas%}<title>{%title%}</title><link rel="icon" href="/assets/favicon.svg?m={icon}">{%css%}</head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>"""
