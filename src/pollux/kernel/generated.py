"""Generated source as real files in the user's cache folder, where numba keeps the compiled code beside them.

What runs is always what was written just now: a file that is there already, of whoever, is compared and never read in.
"""

import atexit
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import ModuleType

from pollux.errors import PolluxError
from pollux.kernel.own_folder import make_own, say_once
from pollux.kernel.progress import tell

_lock = threading.RLock()

GENERATORS = (
    "affine", "affine_columns", "assembled", "assembly", "column_control", "columns", "cuda", "derivatives",
    "elementary", "fixed", "lane_control", "lanes", "layout", "linear", "program", "rosenbrock", "symbols", "tableau",
    "writing",
)  # fmt: skip


def cache_folder() -> Path:
    """Where generated code is kept: ``POLLUX_CACHE``, else the platform's cache folder for this user."""
    chosen = os.environ.get("POLLUX_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "pollux"


@cache
def generator_version() -> str:
    """A hash of the files that write code: when one of them changes, so do the names of all generated files."""
    folder = files("pollux.kernel")
    return hashlib.sha256(b"".join((folder / f"{name}.py").read_bytes() for name in GENERATORS)).hexdigest()


def load(kind: str, key: str, write: Callable[[], str]) -> ModuleType:
    """The module generated for this key by ``write``; the file of an earlier run is made again where it differs."""
    import numba

    text = f"{kind} {key} generator {generator_version()} numba {numba.__version__}"
    name = f"pollux_generated_{kind}_{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        path, source = _folder() / f"{name}.py", write()
        if not _holds(path, source):
            tell("compiling a model: this is needed once on a machine")
            _write(path, source)
        return _run(name, path, source)


def _run(name: str, path: Path, source: str) -> ModuleType:
    """The module of a source, and not of what lies at its path: nor of Python's own cache of that beside it."""
    from numba.core.dispatcher import Dispatcher

    from pollux.kernel.kept_code import keep

    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    for value in vars(module).values():
        if isinstance(value, Dispatcher):
            keep(value, path.parent / "__pycache__")
    return module


def _holds(path: Path, source: str) -> bool:
    try:
        return not path.is_symlink() and path.read_bytes() == source.encode()
    except OSError:
        return False


def _folder() -> Path:
    """The cache folder; a private temporary one, with a word in the log, where it is not this user's alone."""
    wanted = cache_folder().absolute()
    if wanted not in _checked:
        _checked[wanted] = make_own(wanted)
    if not (found := _checked[wanted]):
        return wanted
    say_once(f"compiled models are not kept: {found}. Name a folder of your own in $POLLUX_CACHE.")
    return _temporary()


_checked: dict[Path, str] = {}


@cache
def _temporary() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pollux-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def check_cache() -> Path:
    """The cache folder; raises `PolluxError` where what is compiled could not be kept in it."""
    if found := make_own(cache_folder()):
        raise PolluxError("compiled models cannot be kept", where=str(cache_folder()), advice=f"{found}.")
    return cache_folder()


def _write(path: Path, source: str) -> None:
    """Write the whole file or nothing: other processes may be reading."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=".py")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(source)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
