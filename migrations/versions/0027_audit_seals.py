"""Entries of the audit trail are numbered without gaps and say which key sealed them; those there are have none."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_entries", sa.Column("sealed_by", sa.Text(), nullable=True))
    op.add_column("audit_entries", sa.Column("number", sa.BigInteger(), nullable=True))
    connection = op.get_bind()
    ids = connection.execute(sa.text("SELECT id FROM audit_entries ORDER BY id")).scalars().all()
    if ids:
        rows = [{"id": entry, "number": number} for number, entry in enumerate(ids, 1)]
        connection.execute(sa.text("UPDATE audit_entries SET number = :number WHERE id = :id"), rows)
    with op.batch_alter_table("audit_entries") as table:
        table.alter_column("number", existing_type=sa.BigInteger(), nullable=False)
        table.create_unique_constraint(op.f("uq_audit_entries_number"), ["number"])


def downgrade() -> None:
    with op.batch_alter_table("audit_entries") as table:
        table.drop_constraint(op.f("uq_audit_entries_number"), type_="unique")
        table.drop_column("number")
        table.drop_column("sealed_by")
