"""Where the store of a test lies: a SQLite file, or a database of its own on a PostgreSQL server.

`POLLUX_TEST_POSTGRES` is the URL of a server on which databases may be made (`postgresql://user@host:port/postgres`).
"""

import os
import re
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from pollux.store import Store
from pollux.store.files import Files

SERVER = "POLLUX_TEST_POSTGRES"
DATABASES = ("sqlite", "postgresql")


def only(database: str) -> pytest.MarkDecorator:
    """For a test of what one of the two alone has (files, pragmas)."""
    return pytest.mark.parametrize("place", [database], indirect=True)


class Place:
    """One store's place; `another` gives more of the same kind, `copy` one with the same content."""

    def __init__(self, folder: Path, server: str = "", name: str = "store.db") -> None:
        self.folder = folder
        self.name = name
        self.server = server
        self.path = folder / name  # of the file, where it is SQLite
        self._made: list[str] = []
        self.where: str | Path = self._database() if server else self.path
        self.keys = folder / f"{name}.keys"

    @property
    def files(self) -> Files:
        """What lies beside the data."""
        return Files.beside(self.where, self.keys)

    @property
    def site_key(self) -> Path:
        """The file with the site key."""
        found = self.files.site_key
        assert found is not None
        return found

    def open(self, **how: Any) -> Store:
        """The store."""
        return Store.open(self.where, **({"keys": self.keys} if self.server else {}) | how)

    def restore(self, data: Path, keys: Path) -> Store:
        """Put a backup here."""
        return Store.restore(data, keys, self.where, keys=self.keys if self.server else None)

    def another(self, name: str) -> "Place":
        """Another place beside this one."""
        self.folder.joinpath(name).parent.mkdir(exist_ok=True)
        made = Place(self.folder / Path(name).parent, self.server, Path(name).name)
        made._made = self._made
        if self.server:
            self._made.append(str(made.where))
        return made

    def execute(self, *statements: str) -> None:
        """Do behind the store's back what changes rows."""
        change(self.where, *statements)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What is there, as an attacker reads it."""
        with _connected(self.where) as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def dump(self) -> dict[str, list[str]]:
        """Every row of every table."""
        with _connected(self.where) as connection:
            return {
                table: sorted(repr(tuple(row)) for row in connection.execute(text(f"select * from {table}")))
                for table in sorted(inspect(connection).get_table_names())
            }

    def copy_data_to(self, other: "Place") -> None:
        """Put the data as they are here in place of those of another."""
        if not self.server:
            for end in ("", "-wal", "-shm"):
                other.path.with_name(other.path.name + end).unlink(missing_ok=True)
            with sqlite3.connect(self.path) as source, sqlite3.connect(other.path) as target:
                source.backup(target)
            source.close()
            target.close()
            return
        administer(self.server, f'drop database "{_name(other.where)}"',
                   f'create database "{_name(other.where)}" template "{_name(self.where)}"')  # fmt: skip

    def copy(self, name: str) -> "Place":
        """Data and all files beside them, elsewhere."""
        other = self.another(name)
        self.copy_data_to(other)
        for mine, theirs in zip(self._beside(), other._beside(), strict=True):
            if mine.exists():
                theirs.write_bytes(mine.read_bytes())
        return other

    def as_it_lies(self, name: str) -> "Place":
        """A copy of the folder, whatever a crash left in it; a server's database cannot be copied like that."""
        if self.server:
            return self
        shutil.copytree(self.folder, self.folder.parent / name)
        return Place(self.folder.parent / name, name=self.name)

    def vanish(self) -> None:
        """Lose data and keys, not what lies beside them."""
        for end in ("", "-wal", "-shm"):
            self.keys.with_name(self.keys.name + end).unlink(missing_ok=True)
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        if self.server:
            administer(self.server, f'drop database "{_name(self.where)}"', f'create database "{_name(self.where)}"')

    def end(self) -> None:
        """Drop the databases that were made."""
        for url in self._made:
            administer(self.server, f'drop database if exists "{_name(url)}" with (force)')

    def _beside(self) -> list[Path]:
        return [Path(self.files.keys), self.site_key, self.files.head, self.files.erased]

    def _database(self) -> str:
        name = f"pollux_test_{secrets.token_hex(6)}"
        administer(self.server, f'create database "{name}"')
        url = make_url(self.server).set(database=name).render_as_string(hide_password=False)
        self._made.append(url)
        return url


def change(where: str | Path, *statements: str) -> None:
    """Change rows of a database, and make sure that some were."""
    with _connected(where) as connection:
        for statement in statements:
            statement = _bytes_of(statement) if "://" in str(where) else statement
            assert connection.execute(text(statement.replace(":", r"\:"))).rowcount != 0, statement


def administer(server: str, *statements: str) -> None:
    """Make and drop databases."""
    engine = create_engine(_driven(server), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def place_of(database: str, folder: Path) -> Iterator[Place]:
    """A place on one of the two; skips where there is no server."""
    server = os.environ.get(SERVER, "")
    if database == "postgresql" and not server:
        pytest.skip(f"needs a PostgreSQL server: {SERVER} is not set")
    made = Place(folder, server if database == "postgresql" else "")
    yield made
    made.end()


@contextmanager
def _connected(where: str | Path) -> Iterator[Any]:
    engine = create_engine(_driven(str(where)) if "://" in str(where) else f"sqlite:///{where}")
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _driven(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


def _name(where: str | Path) -> str:
    return str(make_url(str(where)).database)


def _bytes_of(statement: str) -> str:
    """SQLite's way to write bytes, in PostgreSQL's."""
    statement = re.sub(r"zeroblob\(((?:[^()]|\([^()]*\))*)\)", r"decode(repeat('00', \1), 'hex')", statement)
    return re.sub(r"x'([0-9a-f]*)'", r"decode('\1', 'hex')", statement)
