"""The state of a database: no store, another program's, an older or newer store, or one that can be used."""

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from pollux.errors import PolluxError
from pollux.store.database import APPLICATION, PATIENCE, Database, said
from pollux.store.tables import COUNTER, METADATA, VERSION

FIRST = "the first store"
SET_ASIDE = "the first store, on its way"


def look(path: Path) -> str:
    """What lies at a path: "" for nothing yet, `FIRST` for a store in plain text, else the version of the schema.

    `SET_ASIDE` is one in plain text that was about to be sealed.

    Raises `PolluxError` for a file that is no store or another program's; nothing is written.
    """
    if not path.parent.is_dir():
        raise PolluxError(
            "the store cannot be opened", where=str(path), advice="Check the path and the rights of its folder."
        )
    if not path.exists() or path.stat().st_size == 0:
        return ""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=PATIENCE)
    except sqlite3.Error as error:
        raise said(error, str(path)) from error
    try:
        application = connection.execute("pragma application_id").fetchone()[0]
        tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
        if application != APPLICATION and tables:
            raise PolluxError(
                "this is a database of another program", where=str(path), advice="Choose another path for the store."
            )
        if "alembic_version" in tables:
            return str(connection.execute("select version_num from alembic_version").fetchone()[0])
        return FIRST if "schema" in tables else SET_ASIDE if "first_schema" in tables else ""
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise said(error, str(path)) from error
    finally:
        connection.close()


def look_at_server(database: Database) -> str:
    """What lies in a server's database: "" for nothing yet, else the version of the schema.

    Raises `PolluxError` when it is another program's.
    """
    with database.reading() as connection:
        tables = set(inspect(connection).get_table_names())
        if "alembic_version" in tables:
            return _version(connection)
    if tables:
        raise _of_another(database)
    return ""


def _of_another(database: Database) -> PolluxError:
    return PolluxError(
        "this is a database of another program", where=database.where, advice="Choose another for the store."
    )


def prepare(database: Database) -> None:
    """Make the tables where there are none, and bring older ones up to date, in one transaction."""
    with (
        database.reading() as connection
    ):  # while somebody writes for long, a store that is ready is opened all the same
        if inspect(connection).has_table("alembic_version") and _version(connection) == VERSION:
            return
    with database.writing() as connection:
        found = inspect(connection)
        tables = set(found.get_table_names())
        if "alembic_version" in tables:
            version = _version(connection)
            if version != VERSION:
                _migrate(connection, version, database.where)
            return
        if tables & set(METADATA.tables) or (tables and not database.embedded):
            raise _of_another(database)
        METADATA.create_all(connection)
        connection.execute(text("create table alembic_version (version_num varchar(32) primary key)"))
        connection.execute(text("insert into alembic_version values (:version)"), {"version": VERSION})
        connection.execute(COUNTER.insert().values(name="import", value=0))
        if database.embedded:
            connection.exec_driver_sql(f"pragma application_id = {APPLICATION}")


def _version(connection: Connection) -> str:
    return str(connection.execute(text("select version_num from alembic_version")).scalar())


def _migrate(connection: Connection, version: str, where: str) -> None:
    if version > VERSION:
        raise PolluxError(
            f"the store was made by newer software (schema {version}, this is {VERSION})",
            where=where,
            advice="Use the version of Pollux that made it, or a newer one.",
        )
    upgrade(connection)


def upgrade(connection: Connection) -> None:
    """Run the migrations that a database lacks."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
