"""Every import has a number: what each brought and what was known in it already, sealed; and the count of them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables. What came before counts as import 0."""
    op.create_table(
        "imported",
        sa.Column("who", sa.LargeBinary(16), nullable=False),
        sa.Column("number", _BIG, autoincrement=False, nullable=False),
        sa.Column("taking", _BIG, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("who", "number", name="pk_imported"),
    )
    op.create_index("ix_imported_taking", "imported", ["taking"])
    counter = op.create_table(
        "counter",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("value", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counter"),
    )
    op.execute(counter.insert().values(name="import", value=0))
