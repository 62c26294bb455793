"""Run by alembic: the connection and its transaction come from `migrations.upgrade`."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON

from experiments.model.tables import SQLModel


def _render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """JSONB's variant names a class that the migration does not import; its plain form means the same."""
    if kind == "type" and isinstance(item, JSON):
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    render_item=_render_item,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
