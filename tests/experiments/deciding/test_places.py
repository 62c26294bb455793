"""Epochs, attempts and keys: which stored decision answers a request, or where a new one goes."""

from experiments.model.deciding.decisions import DecisionRow
from experiments.services.deciding.places import Ask, Place, place_of
from experiments.store.deciding.decision_log import Stored


def stored(epoch=0, attempt=0, *, voided=False, expires=100, mode="learned", arm="a"):
    row = DecisionRow(1, 1, "u", epoch, attempt, 1, "v", arm, 1.0, mode, None, 0, expires, 200, None, "{}")
    return Stored(row, voided)


def test_the_first_decision_is_epoch_zero() -> None:
    assert place_of(Ask(100, 5), None, None) == Place(0, 0)


def test_within_the_window_the_stored_decision_answers() -> None:
    latest = stored()
    assert place_of(Ask(100, 99), latest, None) is latest


def test_at_its_expiry_the_next_epoch_begins() -> None:
    assert place_of(Ask(100, 100), stored(), None) == Place(1, 0)
    assert place_of(Ask(100, 100), stored(3, 2, voided=True), None) == Place(4, 0)


def test_a_void_raises_the_attempt() -> None:
    assert place_of(Ask(100, 5), stored(2, 1, voided=True), None) == Place(2, 2)


def test_a_key_is_answered_by_its_decision_even_after_expiry() -> None:
    keyed = stored(0)
    assert place_of(Ask(100, 500), stored(1, expires=600), keyed) is keyed


def test_without_a_window_each_key_is_an_epoch() -> None:
    assert place_of(Ask(0, 5), None, None) == Place(0, 0)
    assert place_of(Ask(0, 5), stored(6), None) == Place(7, 0)
    assert place_of(Ask(0, 5), stored(6), stored(4, 1, voided=True)) == Place(4, 2)


def test_a_key_whose_decision_was_voided_never_reuses_its_attempt() -> None:
    keyed = stored(0, 2, voided=True)
    assert place_of(Ask(100, 500), keyed, keyed) == Place(1, 3)
    assert place_of(Ask(100, 5), keyed, keyed) == Place(0, 3)


def test_a_forced_arm_takes_the_place_of_the_open_decision_once() -> None:
    assert place_of(Ask(100, 5, "b"), stored(), None) == Place(0, 1)
    forced = stored(0, 1, mode="forced", arm="b")
    assert place_of(Ask(100, 5, "b"), forced, None) is forced
    assert place_of(Ask(100, 5, "a"), forced, None) == Place(0, 2)
    assert place_of(Ask(100, 5), forced, None) is forced
