from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.errors import SnapshotError
from bandit.snapshots import Snapshot, fingerprint, open_snapshot, seal

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
snapshots = st.builds(
    Snapshot,
    kind=st.text(max_size=8),
    spec=st.dictionaries(st.text(max_size=5), json_values, max_size=4),
    feature_version=st.integers(1, 9),
    payload=st.binary(max_size=300),
    parent=st.none() | st.just("ab" * 32),
    trained_through=st.integers(0, 2**60),
    rows=st.integers(0, 2**60),
)


@given(snapshots)
def test_opening_gives_back_what_was_sealed(snapshot):
    data = seal(snapshot)
    assert open_snapshot(data) == snapshot
    assert open_snapshot(data, fingerprint(data)) == snapshot


@given(snapshots, st.data())
def test_any_changed_byte_is_noticed(snapshot, data):
    stored = seal(snapshot)
    place = data.draw(st.integers(0, len(stored) - 1))
    changed = stored[:place] + bytes([stored[place] ^ data.draw(st.integers(1, 255))]) + stored[place + 1 :]
    with pytest.raises(SnapshotError):
        open_snapshot(changed)


@given(snapshots, st.integers(1, 40))
def test_cut_bytes_are_noticed(snapshot, cut):
    with pytest.raises(SnapshotError):
        open_snapshot(seal(snapshot)[:-cut])


def test_another_snapshot_is_not_the_expected_one():
    snapshot = Snapshot("policy", {}, 1, b"x")
    with pytest.raises(SnapshotError):
        open_snapshot(seal(replace(snapshot, rows=1)), fingerprint(seal(snapshot)))
