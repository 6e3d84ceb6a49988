"""The database behind the store: SQLite in a file, or PostgreSQL by its URL."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    CursorResult,
    Dialect,
    Engine,
    Executable,
    Row,
    Select,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from pollux.errors import PolluxError
from pollux.store import durable

Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]
PATIENCE = 10.0  # seconds to wait for another process that writes
APPLICATION = 0x504C5558  # "PLUX", so that another program's database is not taken for a store
_READERS = 8
_MORE_READERS = 24  # while somebody reads slowly, such as an export that is handed on piece by piece
_WRITING = 0x504C5558  # the advisory lock that a PostgreSQL transaction holds while it writes


class CannotWrite(PolluxError):
    """The disk is full, fails or forbids to write. What is there can still be read."""


class ReadOnly(CannotWrite):
    """It may not be written to."""


class InUse(PolluxError):
    """Somebody else writes, or too many read."""


_ADVICE = {
    "queuepool limit": ("too many things are being read at once", "Read what was begun to its end, or close it."),
    "locked": ("the store is in use", "Another process writes to it; wait until that has finished."),
    "read-only transaction": ("the database server lets nothing be written", "Use the primary, or end its recovery."),
    "readonly": ("the store cannot be written to", "Give write access to the file and its folder."),
    "full": ("the disk is full", "Free some space on the disk."),
    "no space left": ("the disk is full", "Free some space on the disk."),
    "could not extend file": ("the disk is full", "Free some space on the disk of the database server."),
    "disk i/o": ("the disk does not do what it is told", "Look at the disk; what was not acknowledged is not kept."),
    "unable to open": ("the store cannot be opened", "Check the path and the rights of its folder."),
    "connection refused": ("the database server does not answer", "Start it, or check the URL."),
    "could not translate host": ("the database server is not known", "Check the URL."),
    "authentication failed": ("the database server refuses the password", "Check user and password in the URL."),
    "does not exist": ("the database is not there", "Make it with createdb, or check the URL."),
}
_ODD = (TypeError, AttributeError, ValueError, IndexError)  # what is raised where a row holds something odd
_DAMAGE = ("not a database", "malformed", "corrupt", "invalid page", "could not decode")
_KINDS: dict[str, type[PolluxError]] = (
    {"readonly": ReadOnly, "read-only transaction": ReadOnly}
    | dict.fromkeys(("full", "no space left", "could not extend file", "disk i/o"), CannotWrite)
    | {"locked": InUse, "queuepool limit": InUse}
)


def said(error: Exception, where: str) -> PolluxError:
    """What a database complains of, as advice."""
    original = getattr(error, "orig", None) or error
    complaint = str(original).lower()
    if isinstance(error, UnicodeDecodeError) or any(sign in complaint for sign in _DAMAGE):
        return _damaged(where)
    for sign, (what, advice) in _ADVICE.items():
        if sign in complaint or sign in complaint.replace("-", ""):
            return _KINDS.get(sign, PolluxError)(what, where=where, advice=advice)
    return PolluxError(
        f"the store failed ({complaint.splitlines()[0] if complaint else type(original).__name__})", where=where
    )


def _damaged(where: str) -> PolluxError:
    return PolluxError(
        "the store is damaged or is no Pollux store",
        where=where,
        advice="Put it aside, restore a backup, or import the files again.",
    )


def odd_rows(connection: Connection) -> list[str]:
    """Tables of a SQLite file in which a value is of another kind than its column, as damage alone can make it."""
    found = []
    for table in connection.exec_driver_sql("select name from sqlite_master where type = 'table'").scalars().all():
        quoted = '"' + table.replace('"', '""') + '"'
        columns = connection.exec_driver_sql(f"pragma table_info({quoted})").all()
        odd = [f"typeof(\"{name}\") <> '{kind}'" for _, name, declared, *_ in columns if (kind := _kind(declared))]
        if odd and connection.exec_driver_sql(f"select 1 from {quoted} where {' or '.join(odd)} limit 1").first():
            found.append(table)
    return found


def _kind(declared: str) -> str:
    kinds = {"BLOB": "blob", "INT": "integer", "CHAR": "text", "TEXT": "text"}
    return next((kind for sign, kind in kinds.items() if sign in declared.upper()), "")


class Database:
    """Transactions for one writer and many readers."""

    def __init__(self, where: str | Path) -> None:
        self.url = str(where) if "://" in str(where) else ""
        self.path = None if self.url else Path(where)
        self.where = shown(where)
        self._engines: list[Engine] = []
        try:
            self._writer = self._engine(writing=True)
            self._reader = self._engine(writing=False)
        except ImportError as error:
            raise PolluxError(
                "the driver for PostgreSQL is not installed", where=self.where, advice="pip install 'pollux[postgres]'"
            ) from error

    @property
    def embedded(self) -> bool:
        """Whether it is SQLite in a file."""
        return self.path is not None

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What is raised when the database itself goes wrong."""
        raw = self._writer.dialect.loaded_dbapi.Error
        return (SQLAlchemyError, raw, UnicodeDecodeError)  # the last of a text in which a bit was turned over

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what a database complains of into a `PolluxError`."""
        try:
            yield
        except self.failures as error:
            raise said(error, self.where) from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that alone writes; committed at the end, undone by any error."""
        try:
            with self.errors(), self._writer.begin() as connection:
                if not self.embedded:
                    connection.exec_driver_sql(f"select pg_advisory_xact_lock({_WRITING})")
                yield connection
                durable.reached("to be committed")
            durable.reached("committed")
        except ReadOnly:
            # SQLite opens a file that it may not write to for reading only, and all connections of a process share
            # that until the last of them is closed. After any other failure they stay open: recovering the log anew
            # would take a transaction whose flush failed for committed.
            for engine in self._engines:
                engine.dispose()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment."""
        with self.errors(), self._reader.connect() as connection, connection.begin():
            try:
                yield connection
            except _ODD as error:
                raise self.explained(error, connection) from error

    def explained(self, error: BaseException, connection: Connection) -> BaseException:
        """The error, or that the store is damaged where values of another kind than their column's explain it.

        A bit turned over in the head of a row makes a blob of a text, or nothing of a number.
        """
        if isinstance(error, _ODD) and not isinstance(error, PolluxError) and self.embedded and odd_rows(connection):
            return _damaged(self.where)
        return error

    def scrub(self, vacuum: bool = False, patience: float = PATIENCE) -> bool:
        """Leave nothing of what was deleted in the file or beside it (SQLite; PostgreSQL: after VACUUM).

        False when somebody who reads or writes kept the log from being cut off for as long as one waits [s].
        """
        if not self.embedded:
            return True
        with self.errors(), self._writer.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            if vacuum:
                raw.execute("vacuum")
                durable.reached("vacuumed")
            raw.execute(f"pragma busy_timeout = {int(1000 * patience)}")
            try:
                busy, _, _ = raw.execute("pragma wal_checkpoint(truncate)").fetchone()
            finally:
                raw.execute(f"pragma busy_timeout = {int(1000 * PATIENCE)}")
        durable.reached("log cut off")
        return not busy

    def tables(self) -> set[str]:
        """The names of the tables that are there."""
        with self.reading() as connection:
            return set(inspect(connection).get_table_names())

    def close(self) -> None:
        """Let go of all connections."""
        for engine in self._engines:
            engine.dispose()

    def _engine(self, writing: bool) -> Engine:
        if self.path is not None:
            with suppress(OSError):  # SQLite says better what is wrong; its own new files are readable by all
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
                durable.settle_name(self.path)
            engine = create_engine(
                f"sqlite:///{self.path}",
                connect_args={"timeout": PATIENCE, "check_same_thread": False},
                pool_size=1 if writing else _READERS,
                max_overflow=0 if writing else _MORE_READERS,
                pool_timeout=PATIENCE,
            )
            event.listen(engine, "connect", _prepare)
            event.listen(engine, "begin", _begin_immediate if writing else _begin)
        else:
            url = self.url.replace("postgresql://", "postgresql+psycopg://").replace(
                "postgres://", "postgresql+psycopg://"
            )
            engine = create_engine(
                url,
                isolation_level="READ COMMITTED" if writing else "REPEATABLE READ",
                pool_size=1 if writing else _READERS,
                max_overflow=0 if writing else _MORE_READERS,
                pool_timeout=PATIENCE,
                pool_pre_ping=True,
            )
        self._engines.append(engine)
        return engine


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where `begin` says
    for pragma in ("journal_mode = wal", "synchronous = full", "secure_delete = on", "cell_size_check = on",
                   f"busy_timeout = {int(1000 * PATIENCE)}", "cache_size = -16000"):  # fmt: skip
        connection.execute(f"pragma {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("begin")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("begin immediate")


def shown(where: str | Path) -> str:
    """The place of a store, without the password of a server."""
    from sqlalchemy.engine import make_url

    if "://" not in str(where):
        return str(where)
    try:
        return make_url(str(where)).render_as_string(hide_password=True)
    except SQLAlchemyError as error:
        raise PolluxError(
            "this is no address of a database", advice="Write postgresql://user@host/database, or a file's path."
        ) from error


def streamed(
    connection: Connection, wanted: Select[*tuple[Any, ...]], some: int = 1000
) -> Iterator[Row[*tuple[Any, ...]]]:
    """The rows of a query as they come, so many held at once."""
    with connection.execute(wanted.execution_options(yield_per=some)) as rows:
        yield from rows


def quick(connection: Connection, statement: Executable, values: Values) -> CursorResult[*tuple[Any, ...]]:
    """Execute one of the few statements that every read or write makes; its text is compiled once.

    All of its parameters have to be given: it has no limits and no values of its own.
    """
    text, order = _compiled(statement, connection.dialect)
    if not order:
        return connection.exec_driver_sql(text, values)
    if isinstance(values, Mapping):
        return connection.exec_driver_sql(text, tuple(values[name] for name in order))
    return connection.exec_driver_sql(text, [tuple(row[name] for name in order) for row in values])


@lru_cache(maxsize=64)
def _compiled(statement: Any, dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """The text of a statement, and the order of its parameters where they have no names in it."""
    made = statement.compile(dialect=dialect)
    return str(made), tuple(made.positiontup or ())


@contextmanager
def undone_alone(connection: Connection) -> Iterator[None]:
    """A part of a transaction that an error undoes without the rest, unless it is the database that failed."""
    raw: Any = connection.connection.driver_connection  # SQLAlchemy compiles every savepoint anew, which costs more
    raw.execute("savepoint part")
    try:
        yield
    except SQLAlchemyError:
        raise
    except BaseException:
        raw.execute("rollback to savepoint part")
        raise
    raw.execute("release savepoint part")


def pragma(connection: Connection, name: str) -> Any:
    """What SQLite answers to a pragma."""
    return connection.execute(text(f"pragma {name}")).scalar()


def in_use(database: Database) -> bool:
    """Whether a store on a server has an audit that is begun."""
    if "audit" not in database.tables():
        return False
    with database.reading() as connection:
        return connection.execute(text("select 1 from audit limit 1")).first() is not None
