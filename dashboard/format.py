"""Numbers, money and times as people read them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from experiments.model.designing.kinds import METRIC_FACTS

_RATIOS = {
    "incremental_roi": "Incremental ROI",
    "capped.incremental_roi": "Incremental ROI up to the cap",
}
MISSING = "–"
NO_INTERVAL = "no interval"
_NAMES = re.compile(r"\bcapped[._][a-z_]+\b")
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "CHF": "CHF ", "SEK": "SEK ", "PLN": "PLN "}


def number(value: float | None, digits: int = 3) -> str:
    """With thousands separated and about `digits` significant ones; never -0, never as a power of ten."""
    if value is None:
        return MISSING
    if abs(value) < 0.0000005:
        return "0"
    if abs(value) < 0.0001:
        return _minus(f"{value:.6f}".rstrip("0"))
    if abs(value) >= 10 ** (digits - 1) or float(value).is_integer():
        return "0" if abs(value) < 0.5 else _minus(f"{value:,.0f}")
    return _minus(f"{value:,.{digits}g}")


def _minus(text: str) -> str:
    """A minus as wide as the plus, where a hyphen stands."""
    return text.replace("-", "−", 1) if text.startswith("-") else text


def percent(value: float | None, *, signed: bool = False) -> str:
    """A share of 1, in per cent."""
    if value is None:
        return MISSING
    if abs(value) < 0.00005:
        return "0 %"
    digits = 0 if abs(value) >= 1 else 1 if abs(value) >= 0.01 else 2
    return _minus(f"{100 * value:{'+' if signed else ''},.{digits}f} %")


def chance(value: float | None) -> str:
    """A probability that is an estimate: never quite nothing, never quite certain."""
    if value is None:
        return MISSING
    return f"< {percent(0.001)}" if value < 0.001 else f"> {percent(0.999)}" if value > 0.999 else percent(value)


def money(value: float | None, currency: str, *, signed: bool = False) -> str:
    """In the experiment's currency."""
    if value is None:
        return MISSING
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    digits = 0 if abs(value) >= 1000 else 2 if abs(value) >= 0.01 or value == 0 else 4
    return f"{sign}{_SIGNS.get(currency, currency + ' ')}{abs(value):,.{digits}f}"


def amounts(text: str, currency: str | None) -> str:
    """A sentence of the service, its amounts (`EUR −1,200`) written as `money` writes them (`−€1,200`)."""
    if not currency:
        return text
    sign = _SIGNS.get(currency, currency + " ")
    return re.sub(rf"\b{re.escape(currency)} (−?)(?=\d)", rf"\g<1>{sign}", text)


def in_unit(unit: str, value: float | None, currency: str = "", *, signed: bool = False) -> str:
    """A value in the unit that its document gives: a share in per cent, money, seconds, or a plain number."""
    if unit == "money":
        return money(value, currency, signed=signed)
    if unit == "share":
        return percent(value, signed=signed)
    told = number(value)
    told = f"+{told}" if signed and value is not None and value > 0 and told != "0" else told
    return f"{told} s" if unit == "seconds" and value is not None else told


def unit_of(document: Mapping[str, Any], metric: str) -> str:
    """The unit that a readout or a trend gives for a metric; one that is no longer defined is a plain number."""
    return str(document["metrics"].get(metric, {}).get("unit", "count"))


def interval(unit: str, estimate: Mapping[str, Any] | None, currency: str = "", *, signed: bool = False) -> str:
    """`lower to upper`; a bound that is not known is said to be."""
    if estimate is None or (estimate.get("lower") is None and estimate.get("upper") is None):
        return NO_INTERVAL
    lower = "unbounded" if estimate["lower"] is None else in_unit(unit, estimate["lower"], currency, signed=signed)
    upper = "unbounded" if estimate["upper"] is None else in_unit(unit, estimate["upper"], currency, signed=signed)
    return f"{lower} to {upper}"


def reason(found: Mapping[str, Any] | None) -> str:
    """Why the readout gives no interval, as a sentence; "" where it gives one or says nothing."""
    known = {} if found is None else (found.get("absolute") or found)
    if found is None or not found.get("note") or None not in (known.get("lower"), known.get("upper")):
        return ""
    told = _NAMES.sub(lambda word: uncapitalised(title(word[0])), str(found["note"]).removeprefix("no bounds: "))
    return f"{told[:1].upper()}{told[1:]}."


def why_none(found: Mapping[str, Any] | None) -> str:
    """`No interval`, and why."""
    told = reason(found)
    return f"No interval. {told}" if told else "No interval"


def uncapitalised(text: str) -> str:
    """A heading within a sentence."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def title(name: str) -> str:
    """A metric, arm or segment key as a heading: `net_value` is Net value."""
    if name in METRIC_FACTS:
        return METRIC_FACTS[name].label
    return _RATIOS.get(name, name.replace("_", " ").strip().capitalize())


def moment(text: str | None, zone: str = "UTC") -> str:
    """An RFC 3339 time on the experiment's clock on the wall."""
    if not text:
        return MISSING
    local = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(ZoneInfo(zone))
    return f"{local:%d %b %Y, %H:%M} {local.tzname()}"
