"""Pushes leave alone whom nobody may contact."""

from sqlalchemy import text

from experiments.store.core.engine import transaction


def test_whom_nobody_may_contact_is_left_out_of_every_attempt(outbound):
    outbound.decide("ana", "ben", "cleo")
    outbound.client.put("/v1/suppressions/ana", json={"reason": "complained"})
    outbound.destination()
    outbound.receiver.answer((503, {}), (200, {}))
    waiting = outbound.push()
    assert waiting["status"] == "waiting"
    outbound.client.put("/v1/suppressions/ben", json={"reason": "unsubscribed meanwhile"})
    with transaction(outbound.engine) as session:
        session.connection().execute(text("UPDATE deliveries SET next_attempt_at = 0"))
    outbound.run()
    shown = outbound.shown(waiting["id"])
    units = [row["unit_id"] for seen in outbound.receiver.seen[1:] for row in seen.document["data"]["assignments"]]
    assert units == ["cleo"]
    assert (shown["sent"], shown["withheld"], shown["skipped"]) == (1, 2, 0)


def test_who_was_erased_more_than_once_is_left_out_each_time(outbound):
    for _ in range(2):
        outbound.client.put("/v1/units/ana", json={"profile": {}})
        outbound.decide("ana")
        assert outbound.client.delete("/v1/units/ana").status_code == 204
    outbound.decide("ben")
    outbound.destination()
    shown = outbound.push()
    assert (shown["sent"], shown["withheld"], shown["skipped"]) == (1, 2, 0)
    assert [row["unit_id"] for row in outbound.receiver.seen[0].document["data"]["assignments"]] == ["ben"]
