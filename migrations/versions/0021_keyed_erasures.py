"""Erased persons are known by keyed hashes of their ids only, and stay known."""

import secrets

import sqlalchemy as sa
from alembic import op

from experiments.model.erasing import pseudonym_of, unit_hash

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_KEY = "erasure_key"


def upgrade() -> None:
    key = secrets.token_hex(32)
    settings = sa.text("INSERT INTO service_settings (name, value) VALUES (:name, :value)")
    op.get_bind().execute(
        settings.bindparams(sa.bindparam("value", type_=sa.JSON())), {"name": _KEY, "value": {"key": key}}
    )
    before = op.get_bind().execute(sa.text("SELECT unit_id, through_part, erased_at, tombstone FROM erasures")).all()
    op.drop_table("erasures")
    table = op.create_table(
        "erasures",
        sa.Column("unit_hash", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("tombstone", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("through_part", sa.BigInteger(), nullable=False),
        sa.Column("in_files", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("unit_hash", name=op.f("pk_erasures")),
    )
    op.create_index("ix_erasures_erased_at", "erasures", ["erased_at"], unique=False)
    rows = []
    for unit_id, through_part, erased_at, tombstone in before:
        hashed = unit_hash(bytes.fromhex(key), unit_id)
        # The ids gave way to random ones then; who came back since, under the old rule, is a new person.
        rows.append(
            {
                "unit_hash": hashed,
                "times": 1,
                "tombstone": tombstone or pseudonym_of(hashed, 1),
                "erased_at": erased_at,
                "lifted_at": erased_at,
                "through_part": through_part,
                "in_files": True,
            }
        )
    if rows:
        op.bulk_insert(table, rows)


def downgrade() -> None:
    op.drop_table("erasures")
    op.create_table(
        "erasures",
        sa.Column("unit_id", sa.Text(), nullable=False),
        sa.Column("through_part", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.Column("tombstone", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("unit_id", name=op.f("pk_erasures")),
    )
    op.get_bind().execute(sa.text("DELETE FROM service_settings WHERE name = :name"), {"name": _KEY})
