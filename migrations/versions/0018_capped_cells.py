"""Arm cells say whether their revision had a cap on revenue: by their set of eligible arms.

Sets of before are of revisions with a cap where all of the experiment's revisions have one, else of revisions without;
where both were met, `winback rebuild --replace` tells them apart.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("eligible_sets", sa.Column("capped", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("eligible_sets") as table:
        table.alter_column("capped", server_default=None)
    connection = op.get_bind()
    capped: dict[int, bool] = {}
    for row in connection.execute(sa.text("SELECT experiment_id, definition FROM revisions")):
        stored = row.definition if isinstance(row.definition, dict) else json.loads(row.definition)
        capped[row.experiment_id] = capped.get(row.experiment_id, True) and stored.get("cap_revenue") is not None
    marked = sa.text("UPDATE eligible_sets SET capped = :capped WHERE experiment_id = :id")
    for number in (number for number, always in capped.items() if always):
        connection.execute(marked, {"capped": True, "id": number})


def downgrade() -> None:
    with op.batch_alter_table("eligible_sets") as table:
        table.drop_column("capped")
