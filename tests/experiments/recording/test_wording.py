"""What is refused by a pattern is told in words, at whichever door it came in."""

from typing import Annotated

import msgspec
import pytest
from msgspec import Meta
from pydantic import StringConstraints, TypeAdapter, ValidationError

from experiments.model.designing import wording
from experiments.model.designing.wording import in_words

PATTERNS = {
    name: value for name, value in vars(wording).items() if name[0] != "_" and isinstance(value, str) and name.isupper()
}


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_no_pattern_is_shown(pattern):
    with pytest.raises(msgspec.ValidationError) as of_msgspec:
        msgspec.convert("\0", Annotated[str, Meta(pattern=pattern)])
    told = [in_words(str(of_msgspec.value))]
    if "(?!" not in pattern:  # pydantic's engine looks nowhere ahead
        with pytest.raises(ValidationError) as of_pydantic:
            TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)]).validate_python("\0")
        told.append(in_words(of_pydantic.value.errors()[0]["msg"]))
    for sentence in told:
        assert sentence.startswith("must ") and "^" not in sentence


def test_other_sentences_stay():
    assert in_words("Expected `str`, got `int`") == "Expected `str`, got `int`"


def test_an_outcomes_kind_names_what_is_known(client):
    body = {"event_id": "1", "unit_id": "u", "kind": "Bad Kind!", "occurred_at": "2026-01-01T00:00:00Z"}
    (told,) = client.post("/v1/outcomes", json=body).json()["results"]
    assert told["class"] == "rejected"
    assert "small letters" in told["reason"] and "conversion" in told["reason"] and "^" not in told["reason"]
