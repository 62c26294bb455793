"""The verdict's headline."""

import pytest

from dashboard.cards.verdict import HEADLINES, OVER, headline


@pytest.mark.parametrize("status", OVER)
@pytest.mark.parametrize("word", HEADLINES)
def test_nobody_is_told_to_keep_running_what_is_over(word, status):
    told = headline({"word": word}, status)
    assert "keep" not in told.lower()
    assert (told == headline({"word": word}, "running")) == (word != "keep running")
