"""A campaign is set up and changed here, by clicks: the form, what is said of it, and storing it."""

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.callbacks import Callbacks
from dashboard.page import Page, View
from dashboard.parts import draft_answers, draft_calls
from dashboard.parts.drafting import drawn
from dashboard.sections import trouble
from experiments.errors import WinbackError


def head(view: View) -> Component:
    """The form and the panels beside it; in their place what is wrong with the address."""
    try:
        form: Component = drawn(view)
    except WinbackError as error:
        form = trouble("This cannot be shown", str(error), "yellow")
    return html.Div([dcc.Store(id="design-opens"), html.Div(form, id="designer")])


def register(callbacks: Callbacks) -> None:
    """What the form does, and what is answered beside it."""
    draft_calls.register(callbacks)
    draft_answers.register(callbacks)


DESIGNER = Page(
    path="/designer",
    title="Designer",
    group="Campaigns",
    icon="designer",
    sections=(),
    filters=(),
    head=head,
    register=register,
)
