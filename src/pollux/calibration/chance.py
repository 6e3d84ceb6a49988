"""Randomness as a function: the same names give the same numbers, in whatever order they are asked for."""

import hashlib

import numpy as np


def normals(key: int, purpose: str, moment: float) -> np.random.Generator:
    """A counter-based generator (Philox) for one purpose at one moment [min] of one twin.

    >>> bool(normals(1, "slot", 5.0).standard_normal() == normals(1, "slot", 5.0).standard_normal())
    True
    """
    said = hashlib.blake2b(f"{key}|{purpose}|{round(moment * 1e6)}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(said, dtype=np.uint64)))
