"""Sealed charts, pages, documents; audit; ledger of erasures. (0001 was the first store: plain text, SQLite alone.)

It says in full what it makes, so that a later change of `tables.py` does not change what was made then.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _sealed(name: str, *others: str) -> None:
    op.create_table(
        name,
        sa.Column("who", sa.LargeBinary(16), nullable=False),
        sa.Column("number", _BIG, autoincrement=False, nullable=False),
        *(sa.Column(other, sa.LargeBinary(16), nullable=False) for other in others),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("who", "number", name=f"pk_{name}"),
    )


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "chart",
        sa.Column("who", sa.LargeBinary(16), nullable=False),
        sa.Column("version", _BIG, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("who", name="pk_chart"),
    )
    _sealed("page")
    _sealed("document", "name", "mark")
    _sealed("quarantine", "mark")
    _sealed("checkpoint", "name")
    op.create_table(
        "name",
        sa.Column("who", sa.LargeBinary(16), nullable=False),
        sa.Column("name", sa.LargeBinary(8), nullable=False),
        sa.Column("page", _BIG, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("who", "name", "page", name="pk_name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        sa.Column("seq", _BIG, autoincrement=False, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("who", sa.LargeBinary(16), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("link", sa.LargeBinary(32), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_table(
        "erased",
        sa.Column("who", sa.LargeBinary(16), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("who", name="pk_erased"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_document_name", "document", ["name"])
    op.create_index("ix_document_who_name", "document", ["who", "name"])
    op.create_index("ix_quarantine_who_mark", "quarantine", ["who", "mark"])
    op.create_index("ix_checkpoint_who_name", "checkpoint", ["who", "name"])
    op.create_index("ix_audit_who_seq", "audit", ["who", "seq"])
