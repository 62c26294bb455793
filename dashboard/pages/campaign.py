"""One campaign: what to do, whether to believe it, what it earns, which arms earn it."""

from dashboard.page import Page, Section
from dashboard.parts import controls
from dashboard.parts.comparing import arms, kpis, lift, verdict
from dashboard.parts.flows import funnel, maturing, spend
from dashboard.parts.over_time import best, shares, trend

ADJUSTED = (
    "Adjusted values are valid although the bandit moved the traffic; naive means are not, and stand beside them for "
    "comparison"
)

CAMPAIGN = Page(
    path="/campaign",
    title="Campaign",
    group="Campaigns",
    icon="campaign",
    sections=(
        Section("verdict", "", verdict),
        Section(
            "control",
            "Steering",
            controls.control,
            explain="Adjustments hold from the next decision on, and are in every decision's record",
        ),
        Section("kpis", "Key figures", kpis, height=260),
        Section(
            "lift",
            "Variants against the control",
            lift,
            explain="Users are counted in the variant they were assigned to, delivered or not",
        ),
        Section(
            "arms",
            "Arm performance",
            arms,
            explain=ADJUSTED,
        ),
        Section(
            "by-hand",
            "Variants and arms by hand",
            controls.by_hand,
            explain="What you pause or set here takes a reason and, where you like, ends by itself",
        ),
        Section("trend", "Trend", trend, span=6, height=320),
        Section("allocation", "Who got what", shares, span=6, height=320),
        Section(
            "best",
            "Chance of being the best variant",
            best,
            span=6,
            height=320,
            explain="By re-engagement, on all decisions up to each day; for the eye, the verdict rests on more",
        ),
        Section("funnel", "Funnel", funnel, span=6, height=320),
        Section("spend", "Money", spend),
        Section(
            "maturing",
            "What is still open",
            maturing,
            explain="A decision counts once its attribution window has closed",
        ),
    ),
    head=controls.head,
    register=controls.register,
)
