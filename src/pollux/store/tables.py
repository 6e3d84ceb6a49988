"""The tables, the same in SQLite and PostgreSQL. Every index begins with the patient's pseudonym, `who`.

Some do not: a document's name and its identifiers are looked for across patients, by keyed hash.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)

VERSION = "0004"  # of the schema: the newest of migrations/versions; 0001 was the first store's, in plain text

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
}
METADATA = MetaData(naming_convention=_NAMES)
_BIG = BigInteger().with_variant(Integer(), "sqlite")


def _kept(name: str, *others: Column[object]) -> Table:
    """A table of sealed rows, numbered within a patient."""
    return Table(
        name,
        METADATA,
        Column("who", LargeBinary(16), primary_key=True),
        Column("number", _BIG, primary_key=True, autoincrement=False),
        *others,
        Column("sealed", LargeBinary, nullable=False),
    )


CHART = Table(
    "chart",
    METADATA,
    Column("who", LargeBinary(16), primary_key=True),
    Column("version", _BIG, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
PAGE = _kept("page")
DOCUMENT = _kept(
    "document", Column("name", LargeBinary(16), nullable=False), Column("mark", LargeBinary(16), nullable=False)
)
QUARANTINE = _kept("quarantine", Column("mark", LargeBinary(16), nullable=False))
CHECKPOINT = _kept("checkpoint", Column("name", LargeBinary(16), nullable=False))
IMPORTED = _kept("imported", Column("taking", _BIG, nullable=False))
NAME = Table(
    "name",
    METADATA,
    Column("who", LargeBinary(16), primary_key=True),
    Column("name", LargeBinary(8), primary_key=True),
    Column("page", _BIG, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
IDENTIFIER = Table(
    "identifier",
    METADATA,
    Column("who", LargeBinary(16), primary_key=True),
    Column("mark", LargeBinary(16), primary_key=True),
    Column("document", _BIG, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", _BIG, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("actor", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("who", LargeBinary(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("link", LargeBinary(32), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
)
ERASED = Table(
    "erased",
    METADATA,
    Column("who", LargeBinary(16), primary_key=True),
    Column("at", String(32), nullable=False),
    sqlite_with_rowid=False,
)
COUNTER = Table(
    "counter", METADATA, Column("name", String(16), primary_key=True), Column("value", _BIG, nullable=False)
)
Index(None, DOCUMENT.c.name)
Index(None, DOCUMENT.c.who, DOCUMENT.c.name)
Index(None, IDENTIFIER.c.mark)
Index(None, QUARANTINE.c.who, QUARANTINE.c.mark)
Index(None, CHECKPOINT.c.who, CHECKPOINT.c.name)
Index(None, AUDIT.c.who, AUDIT.c.seq)
Index(None, IMPORTED.c.taking)

OF_A_PATIENT = (CHART, PAGE, DOCUMENT, QUARANTINE, CHECKPOINT, IMPORTED, NAME, IDENTIFIER)

# Statements that every write or read makes, built once: building costs as much as executing them.
PUT = {table: insert(table) for table in (*OF_A_PATIENT, AUDIT)}
CHART_OF = select(CHART.c.version, CHART.c.sealed).where(CHART.c.who == bindparam("of"))
REWRITE_CHART = (
    update(CHART)
    .where((CHART.c.who == bindparam("of")) & (CHART.c.version == bindparam("before")))
    .values(version=bindparam("version"), sealed=bindparam("sealed"))
)
ALL_PAGES = select(PAGE.c.number, PAGE.c.sealed).where(PAGE.c.who == bindparam("of"))
SOME_PAGES = select(PAGE.c.number, PAGE.c.sealed).where(
    (PAGE.c.who == bindparam("of")) & PAGE.c.number.in_(bindparam("among", expanding=True))
)
PAGES_NAMED = select(NAME.c.page).where((NAME.c.who == bindparam("of")) & (NAME.c.name == bindparam("called")))
ALL_NAMES = select(NAME.c.name, NAME.c.page).where(NAME.c.who == bindparam("of"))
VERSIONS = select(DOCUMENT.c.who, DOCUMENT.c.number, DOCUMENT.c.mark, DOCUMENT.c.sealed).where(
    DOCUMENT.c.name == bindparam("called")
)
IDENTIFIED = select(IDENTIFIER.c.who, IDENTIFIER.c.document).where(IDENTIFIER.c.mark == bindparam("by"))
ONE_DOCUMENT = select(DOCUMENT.c.name, DOCUMENT.c.mark, DOCUMENT.c.sealed).where(
    (DOCUMENT.c.who == bindparam("of")) & (DOCUMENT.c.number == bindparam("at"))
)
COUNTED = (
    update(COUNTER)
    .where(COUNTER.c.name == bindparam("counted"))
    .values(value=COUNTER.c.value + literal_column("1"))
    .returning(COUNTER.c.value)
)
COUNT = select(COUNTER.c.value).where(COUNTER.c.name == "import")
WHOSE_IMPORT = select(IMPORTED.c.who).where(IMPORTED.c.taking == bindparam("of")).distinct()
CHARTED = (  # whether the audit knows of a chart that no erasure took away
    select(AUDIT.c.seq)
    .where((AUDIT.c.who == bindparam("of")) & AUDIT.c.detail.contains('"chart"'))
    .where(~select(ERASED.c.who).where(ERASED.c.who == bindparam("of")).exists())
    .limit(1)
)
LAST_ACT = select(AUDIT.c.seq, AUDIT.c.link, AUDIT.c.signature).where(
    AUDIT.c.seq == select(func.max(AUDIT.c.seq)).scalar_subquery()
)
LINK_OF = select(AUDIT.c.link).where(AUDIT.c.seq == bindparam("at"))
