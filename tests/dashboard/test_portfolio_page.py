"""The portfolio's cards say what the portfolio's view says."""

import json

from dashboard.filters import Filters
from dashboard.page import View
from dashboard.pages import portfolio

from .walking import words

EST = {"value": 0.125, "lower": 0.1, "upper": 0.15}
TOTAL = {"value": 1250.0, "lower": 1000.0, "upper": 1500.0}
FOUND = {
    "units": {"reached": 10_000, "held_out": 1_000},
    "metrics": {"reengagement": {"per_unit": {"absolute": EST, "relative": EST, "p_value": None}, "total": TOTAL}},
    "money": None,
    "summary": "After all costs they lost EUR 12 (between EUR −1,200 and EUR −3).",
}


def test_no_card_is_empty_where_there_is_a_gain(who, monkeypatch):
    monkeypatch.setattr(portfolio.portfolio, "together", lambda _view: FOUND)
    told = json.loads(words(portfolio.together(View(who("viewer"), Filters())).body))
    told = json.dumps(told, ensure_ascii=False).replace("\xa0", " ")
    for figure in ("1,250", "1,000 to 1,500", "+12.5 %", "10.0 % to 15.0 %"):
        assert figure in told
    assert "no interval" not in told


def test_the_sentence_says_amounts_as_the_cards_do(who, monkeypatch):
    found = {**FOUND, "money": {"currency": "EUR"}}
    monkeypatch.setattr(portfolio.portfolio, "together", lambda _view: found)
    monkeypatch.setattr(portfolio.portfolio, "open_alerts", lambda _view: [])
    told = portfolio.summary(View(who("viewer"), Filters())).children[0].children
    assert told == "After all costs they lost €12 (between −€1,200 and −€3)."
