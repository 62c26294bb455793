"""What the form says: policies in a sentence each, and choices in words."""

from collections.abc import Iterable

from bandit.policies import DEFAULT_POLICY, POLICIES

POLICY_WORDS: dict[str, tuple[str, str]] = {
    "linucb": (
        "Learns, per person",
        "Learns which offer suits whom and moves traffic there, while every offer keeps being tried a little.",
    ),
    "fixed": ("One offer for everybody", "Every user gets the same arm; with “nothing” this is a holdout."),
    "rules": ("A marketer's rules", "Your own table: the first line that fits a user decides."),
    "uniform": ("All offers alike", "Every arm is equally likely; the plainest test."),
    "split": ("Fixed shares", "Every arm has the share you set."),
    "linear_thompson": (
        "Learns by chance of being best",
        "Each offer is shown as often as it is likely to be the best for the user.",
    ),
    "thompson": (
        "Learns, the same for everybody",
        "Finds the best offer on average and does not look at who the user is.",
    ),
    "squarecb": ("Learns, cautiously", "Gives worse-looking offers less, the more so the more is known."),
    "regcb": ("Learns, hopefully", "Tries whatever might still be the best."),
    "epsilon_greedy": ("Learns, with fixed trials", "The best offer so far, and every now and then any other."),
    "softmax": ("Learns, by degrees", "The better an offer looks, the more often it is shown."),
    "cover": ("Learns, with several minds", "Keeps a few plausible policies and spreads traffic over their choices."),
    "bagging": ("Learns, by vote", "Several models vote; each offer gets its share of the votes."),
    "listed": ("Your system names the arm", "The caller says which arm a user gets; nothing is drawn."),
}
"""Policy → (label, sentence), in the order in which they are offered."""


def policy_choices(current: str | None = None) -> list[dict[str, str]]:
    """The recommended one first; one that has no words here is offered by its name."""
    names = [DEFAULT_POLICY, *(name for name in POLICY_WORDS if name != DEFAULT_POLICY)]
    names += [name for name in POLICIES if name not in names]
    if current and current not in names:
        names.append(current)
    return [{"value": name, "label": policy_label(name)} for name in names]


def policy_label(name: str) -> str:
    """In a few words."""
    label = POLICY_WORDS.get(name, (name, ""))[0]
    return f"{label} (recommended)" if name == DEFAULT_POLICY else label


def policy_sentence(name: str) -> str:
    """What it does."""
    return POLICY_WORDS.get(name, ("", ""))[1]


SPANS: dict[str, str] = {
    "PT1H": "1 hour",
    "PT6H": "6 hours",
    "PT12H": "12 hours",
    **{f"P{days}D": f"{days} day{'s' if days > 1 else ''}" for days in (*range(1, 15), 21, 28, 30, 45, 60, 90, 180)},
}
"""Durations to choose from."""

RAMPS: dict[str, tuple[str, list[dict[str, object]]]] = {
    "all": ("Everyone at once", []),
    "10": ("Start small: 10 %, everyone after 7 days", [
        {"after": "PT0S", "share": 0.1}, {"after": "P7D", "share": 1.0}]),
    "5": ("Step by step: 5 %, 25 % after 3 days, everyone after 7", [
        {"after": "PT0S", "share": 0.05}, {"after": "P3D", "share": 0.25}, {"after": "P7D", "share": 1.0}]),
}  # fmt: skip
"""How a campaign begins: name → (label, ramp)."""

CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "JPY", "CAD", "AUD", "INR", "BRL")
MAXIMISED = {
    "reengagement": "Users who come back",
    "participation": "Users who take part",
    "conversion": "Users who buy",
    "revenue": "Revenue",
    "net_value": "Net value, costs taken off",
    "click": "Users who click",
    "view": "Users who look",
    "session": "Users with a session",
    "time_spent": "Time spent",
    "reward_redeemed": "Rewards redeemed",
}
DUE = {
    "decision": "always",
    "redeemed": "when redeemed",
    "reward_redeemed": "on redemption",
    "participation": "when they take part",
    "conversion": "when they buy",
    "reengagement": "when they return",
}
GUARDED = {
    "unsubscribe": "Unsubscribes",
    "reengagement": "Users who come back",
    "conversion": "Users who buy",
    "revenue": "Revenue",
    "net_value": "Net value",
    "reward_cost": "Reward cost",
    "contact_cost": "Contact cost",
}


def choices(words: dict[str, str], current: object = None) -> list[dict[str, str]]:
    """What a select offers; what stands there now always among it."""
    offered = [{"value": value, "label": label} for value, label in words.items()]
    if isinstance(current, str) and current and current not in words:
        offered.append({"value": current, "label": current})
    return offered


def names(values: Iterable[str], current: object = None) -> list[dict[str, str]]:
    """The same for values that are their own names."""
    return choices({value: value for value in values}, current)
