"""Whom a client leaves alone while the service is away, and what of it outlives the process."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.winback_client.scripted import AWAY, DECISION, Script
from tests.winback_client.scripted import options as _options
from winback_client import AwayError, FallbackMemory, Outcome
from winback_client.left_alone import LeftAlone


@pytest.mark.parametrize(
    "told",
    [{"assigned": False, "reason": "suppressed"}, {"withheld": "suppressed"}, {"assigned": False, "reason": "erased"}],
)
def test_whom_nobody_may_contact_gets_no_fallback_either(make, told):
    script = Script((200, DECISION | told), AWAY)
    client = make(handler=script, options=_options())
    assert not client.assign("e", "u").may_contact
    left_alone, shown = client.assign("e", "u"), client.assign("e", "v")
    assert (left_alone.fallback, left_alone.may_contact, left_alone.arm) == (True, False, None)
    assert (shown.fallback, shown.may_contact) == (True, True)
    assert [each.unit_id for each in client.options.memory.oldest()] == ["v"], "who was shown nothing is no exposure"


def test_who_may_be_contacted_again_falls_back_again(make):
    script = Script((200, DECISION | {"withheld": "suppressed"}), (200, DECISION), AWAY)
    client = make(handler=script, options=_options())
    assert [client.assign("e", "u").may_contact for _ in range(3)] == [False, True, True]


def _receipt(*classes):
    return 200, {"results": [{"event_id": f"e{n}", "class": told} for n, told in enumerate(classes)]}


@pytest.mark.parametrize("is_on_disk", [False, True])
@pytest.mark.parametrize(
    ("answers", "act"),
    [
        ([(200, DECISION | {"withheld": "suppressed"})], lambda client: client.assign("e", "u")),
        ([(200, DECISION | {"assigned": False, "reason": "erased"})], lambda client: client.assign("e", "u")),
        ([_receipt("accepted")], lambda client: client.record(Outcome("unsubscribe", unit_id="u"))),
        ([_receipt("accepted", "erased")], lambda client: client.record([Outcome("view", "v"), Outcome("view", "u")])),
        (
            [(200, DECISION | {"decision_id": "d"}), _receipt("accepted")],
            lambda client: [client.assign("e", "u"), client.record(Outcome("unsubscribe", decision_id="d"))],
        ),
    ],
)
def test_whom_a_client_knows_to_leave_alone_gets_no_fallback_of_later_ones(make, tmp_path, is_on_disk, answers, act):
    path = tmp_path / "deep" / "fallbacks.jsonl" if is_on_disk else None
    memory = FallbackMemory(path)
    client = make(handler=Script(*answers, AWAY), options=_options(memory=memory))
    act(client)
    later = FallbackMemory(path) if is_on_disk else memory  # another process, or another client of this one
    restarted = make(handler=Script(AWAY), options=_options(memory=later))
    for found in (client, restarted):
        assert [found.assign("e", unit).may_contact for unit in ("u", "w")] == [False, True]
    if path is not None:
        written = path.with_name("fallbacks.jsonl.left-alone")
        assert written.stat().st_mode & 0o777 == 0o600
        assert "u" not in written.read_text().split()


def test_an_unsubscription_that_does_not_arrive_outlives_answers_that_do_not_know_of_it(make):
    script = Script(AWAY, AWAY, AWAY, (200, DECISION), AWAY)
    client = make(handler=script, options=_options())
    with pytest.raises(AwayError):
        client.record(Outcome("unsubscribe", unit_id="u"))
    assert client.assign("e", "u").may_contact, "what the service answers is the service's to answer"
    assert not client.assign("e", "u").may_contact


def test_an_answer_to_an_earlier_question_does_not_end_what_was_told_since():
    known = FallbackMemory().left_alone
    asked = known.now()
    known.add(["u"])
    known.remove(["u"], asked)
    assert "u" in known
    known.remove(["u"], known.now())
    assert "u" not in known


units = st.sampled_from(["a", "b", "c", "zoë", "\n", ""])


@given(st.lists(st.tuples(st.booleans(), st.lists(units, max_size=3))), st.integers(1, 4))
def test_the_list_on_disk_is_the_list_in_memory(tmp_path_factory, changes, most):
    path = tmp_path_factory.mktemp("left") / "alone"
    known = LeftAlone(path, most)
    for is_added, some in changes:
        if is_added:
            known.add(some)
        else:
            known.remove(some, known.now())
        assert len(known) <= most
        again = LeftAlone(path, most)
        assert [unit in again for unit in "abc"] == [unit in known for unit in "abc"]
        assert not path.exists() or len(path.read_text().split()) <= 2 * most + 4
    if path.exists():
        with path.open("a") as torn:
            torn.write("+12ab")
        LeftAlone(path, most).add(["new"])
        assert "new" in LeftAlone(path, most)


def test_an_empty_memory_is_a_memory():
    given_one = FallbackMemory()
    assert (given_one or FallbackMemory()) is given_one and len(given_one) == 0
