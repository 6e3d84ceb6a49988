"""What every test may ask for."""

import os
from pathlib import Path

import pytest


class ReferenceFolder:
    """Outside data to compare with; a missing file is a failure once the folder was promised."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __truediv__(self, name: str) -> Path:
        path = self.root / name
        if not path.exists():
            pytest.fail(f"POLLUX_REFERENCE is set, but {name} is not in it")
        return path


@pytest.fixture(scope="session")
def reference() -> ReferenceFolder:
    root = os.environ.get("POLLUX_REFERENCE")
    if not root:
        pytest.skip("needs the reference data: set POLLUX_REFERENCE")
    return ReferenceFolder(Path(root))
