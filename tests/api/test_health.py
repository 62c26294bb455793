from sqlalchemy import text

from experiments.store.core.engine import transaction


def test_the_process_is_alive_and_ready(client):
    assert client.get("/healthz").json() == {"status": "alive"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert all(ready.json().values())


def test_a_database_that_is_not_migrated_is_not_ready(client, engine):
    with transaction(engine) as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '0000'"))
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert "migrations" in ready.json()["detail"]
    assert ready.headers["retry-after"] == "1"


def test_every_reply_has_a_request_id_of_its_own(client):
    assert client.get("/healthz").headers["x-request-id"] != client.get("/nowhere").headers["x-request-id"]
