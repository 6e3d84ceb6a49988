"""Small files beside the data that must survive a power cut, their names included."""

import os
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Put a file in place of another at once, readable by its owner only; durable when it returns."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    settle_name(path)


def settle_name(path: Path) -> None:
    """Make the name of a new file durable: while its folder is not flushed, a power cut may take the file away."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
