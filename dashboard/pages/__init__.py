"""Every page in sight: one file here and one line in PAGES puts it into the navigation and under the suite."""

from dashboard.page import Page
from dashboard.pages.accounts import ACCOUNTS
from dashboard.pages.campaign import CAMPAIGN
from dashboard.pages.data import DATA
from dashboard.pages.designer import DESIGNER
from dashboard.pages.inspector import INSPECTOR
from dashboard.pages.models import MODELS
from dashboard.pages.portfolio import PORTFOLIO
from dashboard.pages.replay import REPLAY
from dashboard.pages.segments import SEGMENTS

PAGES: dict[str, Page] = {
    "portfolio": PORTFOLIO,
    "campaign": CAMPAIGN,
    "segments": SEGMENTS,
    "designer": DESIGNER,
    "replay": REPLAY,
    "inspector": INSPECTOR,
    "models": MODELS,
    "data": DATA,
    "accounts": ACCOUNTS,
}
"""Key → page, in the order of the navigation."""
