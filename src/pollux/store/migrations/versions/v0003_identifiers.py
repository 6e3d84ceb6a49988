"""Which document carries a business identifier, by keyed hash: what a conditional create asks for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the index."""
    op.create_table(
        "identifier",
        sa.Column("who", sa.LargeBinary(16), nullable=False),
        sa.Column("mark", sa.LargeBinary(16), nullable=False),
        sa.Column("document", _BIG, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("who", "mark", "document", name="pk_identifier"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_identifier_mark", "identifier", ["mark"])
