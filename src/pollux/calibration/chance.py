"""Randomness as a function: the same names give the same numbers, in whatever order they are asked for."""

import hashlib
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

_here = threading.local()


def normals(key: int, purpose: str, moment: float) -> np.random.Generator:
    """A counter-based generator (Philox) for one purpose at one moment [min] of one twin.

    >>> bool(normals(1, "slot", 5.0).standard_normal() == normals(1, "slot", 5.0).standard_normal())
    True
    """
    return np.random.Generator(np.random.Philox(key=_philox_key(key, purpose, moment)))


def standard_normals(key: int, purpose: str, moment: float, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The first numbers of that generator, for those who need no more: ten times as fast as making one.

    >>> bool(np.all(standard_normals(1, "slot", 5.0, (2,)) == normals(1, "slot", 5.0).standard_normal(2)))
    True
    """
    # A new generator asks the system for entropy that its key then replaces; setting the key of an old one does not.
    if not hasattr(_here, "generator"):
        _here.generator = np.random.Generator(np.random.Philox(key=np.zeros(2, dtype=np.uint64)))
        _here.fresh = _here.generator.bit_generator.state
    fresh: dict[str, Any] = _here.fresh
    fresh["state"]["key"] = _philox_key(key, purpose, moment)
    generator: np.random.Generator = _here.generator
    generator.bit_generator.state = fresh
    return generator.standard_normal(shape)


def _philox_key(key: int, purpose: str, moment: float) -> NDArray[np.uint64]:
    said = hashlib.blake2b(f"{key}|{purpose}|{round(moment * 1e6)}".encode(), digest_size=16).digest()
    return np.frombuffer(said, dtype=np.uint64)
