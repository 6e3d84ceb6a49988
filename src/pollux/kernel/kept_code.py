"""Machine code that numba keeps for the next run: read only where nobody else could have put it, and only if whole.

Numba reads what it kept as pickles. Here each has a sum in front: what is damaged is as if it had never been there.
"""

import hashlib
import pickle
import stat
from pathlib import Path
from typing import Any

from numba.core.caching import IndexDataCacheFile, NullCache

from pollux.kernel.own_folder import say_once, trouble

_SUM = hashlib.sha256().digest_size
_MARK = ".whole"  # in the files' names: numba's own have no sum


def keep(function: Any, folder: Path | None = None) -> Any:
    """The same jitted function, whose machine code is kept in a folder (where numba would, if none is named)."""
    if isinstance(function._cache, NullCache):
        return function
    where = folder or Path(function._cache.cache_path)
    found = (
        "" if folder is None and _as_the_code(where, Path(function.py_func.__code__.co_filename)) else trouble(where)
    )
    if found:
        say_once(f"machine code is not kept: {found}")
        function._cache = NullCache()
        return function
    parts = function._cache._impl
    name, stamp = parts.filename_base + _MARK, parts.locator.get_source_stamp()
    function._cache._cache_file = _Kept(str(where), name, stamp)  # type: ignore[no-untyped-call]
    return function


def _as_the_code(where: Path, source: Path) -> bool:
    """Whether a folder is as safe as the code itself: beside it, of the same owner, and nobody else may write there."""
    if where.parent != source.parent or where.is_symlink():
        return False
    kept, code = where.stat(), where.parent.stat()
    return kept.st_uid == code.st_uid and not kept.st_mode & ~code.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


class _Kept(IndexDataCacheFile):
    """Numba's index and data files, each with a sum of numba's version and the content in front."""

    def _load_index(self) -> dict[Any, str]:
        try:
            stamp, names = self._read(self._index_path)
        except OSError:
            return {}
        return names if stamp == self._source_stamp else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._keep(self._index_path, (self._source_stamp, overloads))

    def _load_data(self, name: str) -> Any:
        return self._read(self._at(name))

    def _save_data(self, name: str, data: Any) -> None:
        self._keep(self._at(name), data)

    def _at(self, name: str) -> str:
        return str(Path(self._cache_path) / name)

    def _read(self, path: str) -> Any:
        """What a file holds; raises `OSError` where it is not whole, which numba takes for a file that is not there."""
        content = Path(path).read_bytes()
        if content[:_SUM] != self._sum(content[_SUM:]):
            raise OSError("damaged")
        return pickle.loads(content[_SUM:])

    def _keep(self, path: str, value: Any) -> None:
        content: bytes = self._dump(value)  # type: ignore[no-untyped-call]
        with self._open_for_write(path) as file:
            file.write(self._sum(content) + content)

    def _sum(self, content: bytes) -> bytes:
        return hashlib.sha256(self._version.encode() + b"\0" + content).digest()
