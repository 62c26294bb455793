"""A campaign, a base of units, and runs of batches over it."""

import pyarrow.parquet as pq
from sqlalchemy import text

from experiments.services.batching.requesting import (
    claim_batch,
)
from experiments.services.batching.running import run_batch
from experiments.store.core.engine import reading

UNITS = 1300


def campaign(client, key="win", **more):
    body = {
        "key": key,
        "eligible": {">=": [{"var": "orders"}, 1]},
        "context": {"numeric": ["orders"], "categorical": ["segment.tier"]},
        "arms": [{"key": "a", "payload": {"template": "t"}, "event_type": "bogo", "reward_amount": 2}, {"key": "b"}],
        "variants": [
            {"key": "v", "share": 0.7, "policy": {"name": "uniform"}},
            {"key": "holdout", "share": 0.3, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
        ],
        **more,
    }
    assert client.post("/v1/experiments", json=body).status_code == 201
    assert client.post(f"/v1/experiments/{key}/start").status_code == 200


def decided(engine):
    """(unit, epoch, attempt) of every decision, in the order of units."""
    with reading(engine) as session:
        found = session.connection().execute(
            text("SELECT unit_id, epoch, attempt, arm, propensity FROM decisions ORDER BY unit_id, epoch, attempt")
        )
        return [tuple(row) for row in found]


def run(settings, engine, number):
    claim = claim_batch(engine, number)
    assert claim is not None
    return pq.read_table(run_batch(settings, engine, claim)).to_pylist()


def status(client, number, key="win"):
    return client.get(f"/v1/experiments/{key}/batches/{number}").json()
