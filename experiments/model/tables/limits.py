"""What limits are held by: totals, the blocks that processes hold of them, prices, suppressed units.

Import them from `tables`. Amounts are integers: money in millionths of the experiment's currency, or decisions.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import Json, serial


class LimitTotal(SQLModel, table=True):
    """What has been used of one resource of an experiment (`budget`, `reward`, `arm:KEY`), without the leases' part.

    A decision is committed at its full cost. What was voided is given back; what has matured counts with what it
    really cost (`realised`). So used - voided - matured + realised, and what the leases hold, never exceeds the limit.
    `contingent`, and its parts that were voided or have matured, is what falls due only on what the unit does.
    `settled_seq` is how far the joiner's rounds are settled.
    """

    __tablename__ = "limit_totals"
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    resource: str = Field(sa_column=Column(Text, primary_key=True))
    used: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    contingent: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    decisions: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    voided: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    voided_contingent: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    matured: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    matured_contingent: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    realised: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    settled_seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    opened_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class LimitLease(SQLModel, table=True):
    """The block of a resource that one process may use; `used` moves in the transaction that stores the decisions.

    Whoever next asks for more folds an expired lease into the total and takes back what it left; who would else be
    refused takes back what one that lies idle has left. `granted_at`: since then nothing of it was used, 0 once it was.
    """

    __tablename__ = "limit_leases"
    __table_args__ = (UniqueConstraint("experiment_id", "resource", "holder"),)
    id: int | None = serial()
    experiment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    resource: str = Field(sa_column=Column(Text, nullable=False))
    holder: str = Field(sa_column=Column(Text, nullable=False))
    granted: int = Field(sa_column=Column(BigInteger, nullable=False))
    used: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    contingent: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    decisions: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    granted_at: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class UnitVersion(SQLModel, table=True):
    """Rises with every contact of the unit under a cap over all experiments, so that such contacts come one by one."""

    __tablename__ = "unit_versions"
    unit_id: str = Field(sa_column=Column(Text, primary_key=True))
    version: int = Field(sa_column=Column(BigInteger, nullable=False))


class Suppression(SQLModel, table=True):
    """A unit that must not be contacted by any experiment; `expires_at` on the server's clock."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("unit_id"),)
    id: int | None = serial()
    unit_id: str = Field(sa_column=Column(Text, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    expires_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class Pacing(SQLModel, table=True):
    """The price on cost in force, and what the worker adapts it by (see model.pacing).

    `expected_costs` maps an arm to what a decision for it is expected to cost, in the experiment's currency; `clock` is
    the experiment's clock up to which it is adapted.
    """

    __tablename__ = "pacings"
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    shadow_price: float = 0.0
    expected_costs: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    clock: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
