"""What lies beside the data: keys, site key, and the accounts by which an altered or older copy is found."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from pollux.errors import PolluxError

KEYS, ACCOUNTS = "POLLUX_KEYS", "POLLUX_ACCOUNTS"
_URL = re.compile(r"([a-z][a-z0-9+.-]*):/", re.IGNORECASE)
_SERVERS = ("postgresql", "postgres")


@dataclass(frozen=True)
class Files:
    """Where everything but the data lies.

    `head` is the end of the audit, `erased` the ledger of erasures, `waiting` accesses that could not be written into
    the audit yet. These three are the accounts: they are worth most where whoever can change the data cannot reach.
    """

    keys: str | Path
    site_key: Path
    head: Path
    erased: Path
    waiting: Path

    @classmethod
    def beside(cls, where: str | Path, keys: str | Path | None = None, accounts: str | Path | None = None) -> "Files":
        """The usual places: beside an embedded store; for a server in the folder of `keys`, which must be given.

        `accounts` (or ``POLLUX_ACCOUNTS``) is a folder for head, ledger and waiting accesses instead, of several
        stores if need be: their names end in a digest of the store's place. Raises `PolluxError` when they are still
        at the usual place, or the folder is not there.
        """
        check_place(where)
        server = "://" in str(where)
        chosen = keys or (os.environ.get(KEYS) if server else None)
        if server and (not chosen or "://" in str(chosen)):
            raise PolluxError(
                "it is not said where the keys of this store are",
                advice=f"Name a file for them, apart from the database: keys=… or ${KEYS}.",
            )
        base = str(chosen if server else where)
        usual = cls(
            Path(base) if server else keys or Path(base + ".keys"), Path(base + ".site-key"), *_accounts(Path(base))
        )
        folder = accounts or os.environ.get(ACCOUNTS)
        if not folder:
            return usual
        place = hashlib.sha256(os.fsencode(Path(base).absolute())).hexdigest()[:8]  # of two stores of one name
        return usual._with_accounts_in(Path(folder).expanduser(), f"{Path(base).name}-{place}")

    def _with_accounts_in(self, folder: Path, name: str) -> "Files":
        if not folder.is_dir():
            raise PolluxError(
                "the folder for the accounts is not there", where=str(folder),
                advice=f"Make it, or name another in ${ACCOUNTS}.",
            )  # fmt: skip
        chosen = Files(self.keys, self.site_key, *_accounts(folder / name))
        for here, there in ((self.head, chosen.head), (self.erased, chosen.erased), (self.waiting, chosen.waiting)):
            if here.exists() and here.resolve() != there.resolve():
                raise PolluxError(
                    "head, ledger or waiting accesses of this store still lie beside it", where=str(here),
                    advice=f"Stop what uses the store, then move this one to {there}.",
                )  # fmt: skip
        return chosen


def check_place(where: str | Path) -> None:
    """Raise `PolluxError` for an address that is neither a path nor that of a server which is known here."""
    found = _URL.match(where) if isinstance(where, str) else None
    if found and len(found[1]) > 1 and not (found[1].lower() in _SERVERS and "://" in str(where)):
        raise PolluxError(
            f"a store cannot be in a database of the kind {found[1]!r}, or its address is not whole",
            advice="Write postgresql://user@host/database, or a file's path.",
        )


def _accounts(base: Path) -> tuple[Path, Path, Path]:
    return Path(f"{base}.head"), Path(f"{base}.erased"), Path(f"{base}.waiting")
