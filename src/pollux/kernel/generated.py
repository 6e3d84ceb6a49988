"""Generated source as real files in the user's cache folder, where numba keeps the compiled code beside them."""

import hashlib
import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import ModuleType

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
    """The module generated for this key, written by ``write`` if it was never needed before on this machine."""
    import numba

    text = f"{kind} {key} generator {generator_version()} numba {numba.__version__}"
    name = f"pollux_generated_{kind}_{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        path = _folder() / f"{name}.py"
        if not path.exists():
            tell("compiling a model: this is needed once on a machine")
            _write(path, write())
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module


def _folder() -> Path:
    """The cache folder; a private temporary one where it cannot be written."""
    global _temporary
    wanted = cache_folder()
    try:
        wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(wanted, os.W_OK):
            return wanted
    except OSError:
        pass
    if _temporary is None:
        _temporary = Path(tempfile.mkdtemp(prefix="pollux-"))
    return _temporary


_temporary: Path | None = None


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
