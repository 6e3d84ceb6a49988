"""Twins as bytes, and back: the same value to the last bit.

A checkpoint holds frozen values only (numbers, arrays, names), each with the name of its kind; nothing in it is run.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec
import numpy as np

from pollux.errors import RefusedInput

_ARRAY = 1


def pack(value: object) -> bytes:
    """A frozen value, with everything in it, as bytes."""
    return msgspec.msgpack.encode(_plain(value))


def unpack(content: bytes, kinds: Mapping[str, type]) -> Any:
    """The value in these bytes; only the given kinds of values are made.

    Raises `RefusedInput` when the bytes are not a checkpoint or hold something else.
    """
    try:
        return _value(msgspec.msgpack.decode(content, ext_hook=_array), kinds)
    except (msgspec.DecodeError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise RefusedInput(
            "the checkpoint cannot be read", where="checkpoint", advice="Build the twin again from its record."
        ) from error


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return msgspec.msgpack.Ext(
            _ARRAY, msgspec.msgpack.encode((value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()))
        )
    if isinstance(value, np.generic):
        return _plain(value.item())
    if is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__, "of": {f.name: _plain(getattr(value, f.name)) for f in fields(value)}}
    if isinstance(value, tuple):
        return {"kind": "tuple", "of": [_plain(item) for item in value]}
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    raise TypeError(f"a {type(value).__name__} has no place in a checkpoint")


def _array(code: int, data: memoryview) -> object:
    if code != _ARRAY:
        raise ValueError("unknown extension")
    dtype, shape, content = msgspec.msgpack.decode(data)
    if not str(dtype).startswith(("<f", "<i", "|i", "|b")):
        raise ValueError("an array of something else than numbers")
    return np.frombuffer(content, dtype=np.dtype(dtype)).reshape(shape)


def _value(plain: Any, kinds: Mapping[str, type]) -> Any:
    if not isinstance(plain, dict):
        return plain
    if plain["kind"] == "tuple":
        return tuple(_value(item, kinds) for item in plain["of"])
    return kinds[plain["kind"]](**{name: _value(item, kinds) for name, item in plain["of"].items()})
