"""What tests of batches share."""

import json

import pytest
from sqlalchemy import text

from experiments.store.core.engine import transaction
from tests.experiments.batches.base import UNITS


@pytest.fixture
def base(engine):
    """Profiles of UNITS units, every tenth without orders."""
    rows = [
        {"unit_id": f"unit-{n:05d}", "profile": json.dumps({"orders": n % 10}), "updated_at": 0} for n in range(UNITS)
    ]
    with transaction(engine) as session:
        session.connection().execute(
            text("INSERT INTO units (unit_id, profile, updated_at) VALUES (:unit_id, :profile, :updated_at)"), rows
        )
