"""Events in columns: how many of them lie together on one page of a patient's chart.

Each field is a column of its own: whole numbers as differences divided by their greatest common divisor, their bytes
sorted by significance; values as whole numbers with a decimal divisor wherever that gives back the same bits; what
repeats (quantity, unit, source, flags …) once for all events that share it. Then DEFLATE. An id that is the digest of
the event's own content is not kept, since it can be made again.
"""

import math
import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from pollux.record.event import Code, Comparator, Event, Precision, Source, source_name

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = -(2**62)  # stands where an event has no end or was never modified
_DIVISORS = (1, 10, 100, 1000)
_NUMBERED = re.compile(r"(.*?)(0|[1-9]\d{0,15})", re.DOTALL)

Ints = NDArray[np.int64]
Value = float | str | Code
# quantity, unit, kind, name, device, beginning of the place, comparator, precision, flags, retracted
Form = tuple[str, str, str, str, str, str, Comparator, Precision, tuple[str, ...], bool]
# What an event says: time, quantity, value, unit, end, comparator, retracted. Equal where `Event.content` is equal.
Said = tuple[int, str, Value, str, int, str, bool]


class _Packed(msgspec.Struct, array_like=True):
    """Whole numbers: the first, and the differences divided by `divisor`, `width` bytes each, in planes."""

    count: int
    first: int = 0
    divisor: int = 1
    width: int = 0
    planes: bytes = b""


class _Body(msgspec.Struct, array_like=True):
    time: _Packed
    learned: _Packed
    end: _Packed | None
    modified: _Packed | None
    forms: list[Form]
    form: _Packed
    place: _Packed  # the number at the end of the place; -1 for none
    decimals: int  # divisor of `values`; 0 when they are plain doubles
    values: _Packed | None
    doubles: bytes
    others: list[tuple[int, str | Code]]
    ids: list[tuple[int, str]]
    imports: _Packed | None = None  # by which import each was said; see `Origin`
    parts: _Packed | None = None


class Origin(NamedTuple):
    """Who said an event: the number of the import, and which of its documents (from 1 on; 0 for none).

    Below 0 it is no import that said it: see `ANEW`, `GOES_ON`, `BY_HAND`.
    """

    number: int = 0
    part: int = 0


ANEW = Origin(-1)  # what stands since something was taken back or read again; what was known before counts no more
GOES_ON = Origin(-2)  # and what follows on it
BY_HAND = Origin(-3)  # moved from one record to another
BEFORE = Origin()  # from before imports were counted

Saying = tuple[Event, Origin]  # an event, and who said it

_ENCODE = msgspec.msgpack.Encoder()
_DECODE = msgspec.msgpack.Decoder(_Body)


def deflated(content: bytes, level: int) -> bytes:
    """Compressed; what is short with a window no larger than it, which costs a third of the time."""
    return zlib.compress(content, level, 12 if len(content) <= 4096 else zlib.MAX_WBITS)


def micros(moment: datetime) -> int:
    """Microseconds since 1970.

    >>> micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    passed = moment - EPOCH
    return (passed.days * 86400 + passed.seconds) * 1_000_000 + passed.microseconds


def moment(at: int) -> datetime:
    """The time so many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=at)


def said(event: Event) -> Said:
    """What an event says, whoever said it; see `Said`."""
    end = _NEVER if event.end is None else micros(event.end)
    return micros(event.time), event.quantity, event.value, event.unit, end, event.comparator, event.retracted


def own_id(content: str) -> str:
    """The id of an event to which no source gave one."""
    return "content:" + content[:24]


def pack(events: Sequence[Event], own: Sequence[bool], origins: Sequence[Origin] = ()) -> bytes:
    """Events as the bytes of a page; `own` says of each whether its id is the digest of its content."""
    forms: dict[Form, int] = {}
    form, place, numbers = [], [], []
    others: list[tuple[int, str | Code]] = []
    for i, e in enumerate(events):
        found = _NUMBERED.fullmatch(e.source.place)
        before, number = (found[1], int(found[2])) if found else (e.source.place, -1)
        s = e.source
        key = (e.quantity, e.unit, s.kind, s.name, s.device, before, e.comparator, e.precision, e.flags, e.retracted)
        form.append(forms.setdefault(key, len(forms)))
        place.append(number)
        if isinstance(e.value, float):
            numbers.append(e.value)
        else:
            others.append((i, e.value))
    decimals, values, doubles = _one_value(numbers[0]) if len(numbers) == 1 else _values(np.array(numbers, np.float64))
    body = _Body(
        time=_packed([micros(e.time) for e in events]),
        learned=_packed([micros(e.learned) for e in events]),
        end=_sometimes([e.end for e in events]),
        modified=_sometimes([e.modified for e in events]),
        forms=list(forms),
        form=_packed(form),
        place=_packed(place),
        decimals=decimals,
        values=values,
        doubles=doubles,
        others=others,
        ids=[(i, e.id) for i, (e, mine) in enumerate(zip(events, own, strict=True)) if not mine],
        imports=_packed([origin.number for origin in origins]) if origins else None,
        parts=_packed([origin.part for origin in origins]) if any(origin.part for origin in origins) else None,
    )
    return deflated(_ENCODE.encode(body), 6)


class Columns:
    """A page that was read: columns at once, events when they are asked for."""

    def __init__(self, content: bytes) -> None:
        self._body = _DECODE.decode(zlib.decompress(content))
        self.forms = self._body.forms

    def __len__(self) -> int:
        return self._body.time.count

    @cached_property
    def time(self) -> Ints:
        """Valid times [µs since 1970]."""
        return _unpacked(self._body.time)

    @cached_property
    def learned(self) -> Ints:
        """When each was learned [µs since 1970]."""
        return _unpacked(self._body.learned)

    @cached_property
    def form(self) -> Ints:
        """Of each event, which of `forms` it has."""
        return _unpacked(self._body.form)

    @cached_property
    def ids(self) -> dict[int, str]:
        """The ids that sources gave, by position."""
        return dict(self._body.ids)

    @cached_property
    def origins(self) -> list[Origin]:
        """By whom each was said."""
        imports, parts = self._body.imports, self._body.parts
        numbers = [0] * len(self) if imports is None else _unpacked(imports).tolist()
        of = [0] * len(self) if parts is None else _unpacked(parts).tolist()
        return [Origin(number, part) for number, part in zip(numbers, of, strict=True)]

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """The values; NaN for a code or a text."""
        body = self._body
        given: NDArray[np.float64]
        if body.values is not None:
            given = _unpacked(body.values) / np.float64(body.decimals)
        else:
            given = _joined(body.doubles, 8, np.dtype("<f8")).astype(np.float64)
        if not body.others:
            return given
        whole = np.full(len(self), np.nan)
        whole[np.setdiff1d(np.arange(len(self)), [i for i, _ in body.others], assume_unique=True)] = given
        return whole

    def said(self) -> list[Said]:
        """What each event says."""
        forms = [(f[0], f[1], f[6], f[9]) for f in self.forms]
        ends = [_NEVER] * len(self) if self._body.end is None else _unpacked(self._body.end).tolist()
        return [
            (t, forms[f][0], v, forms[f][1], end, forms[f][2], forms[f][3])
            for t, f, v, end in zip(self.time.tolist(), self.form.tolist(), self._values(), ends, strict=True)
        ]

    def events(self, chosen: Ints | None = None) -> list[Event]:
        """All of them, in the order in which they were put here, or those at some positions."""
        positions = np.arange(len(self)) if chosen is None else chosen
        body, ids, forms = self._body, self.ids, self.forms
        ends = [None] * len(positions) if body.end is None else _moments(_unpacked(body.end)[positions])
        changed = [None] * len(positions) if body.modified is None else _moments(_unpacked(body.modified)[positions])
        numbers, others = self.numbers[positions].tolist(), self._others
        learned: dict[int, datetime] = {}
        sources: dict[tuple[int, int], Source] = {}
        made = []
        columns = (column[positions].tolist() for column in (self.time, self.learned, self.form, self._place))
        for i, value, time, known, f, number, end, modified in zip(
            positions.tolist(), numbers, *columns, ends, changed, strict=True
        ):
            quantity, unit, kind, name, device, before, comparator, precision, flags, retracted = forms[f]
            source = sources.get((f, number))
            if source is None:
                source = Source(kind, name, before if number < 0 else f"{before}{number}", device)
                sources[f, number] = source
            when = learned.get(known)
            if when is None:
                when = learned[known] = moment(known)
            at, id = EPOCH + timedelta(microseconds=time), ids.get(i, "")
            made.append(
                Event(
                    at,
                    quantity,
                    others.get(i, value) if others else value,
                    unit,
                    source,
                    when,
                    end,
                    comparator,
                    precision,
                    flags,
                    id,
                    retracted,
                    modified,
                )
            )
        return made

    @cached_property
    def positions(self) -> dict[str, list[int]]:
        """Where events stand, by the id that a source gave and by the name in front of it."""
        found: dict[str, list[int]] = defaultdict(list)
        for i, id in self._body.ids:
            for name in {id, source_name(id)}:
                found[name].append(i)
        return found

    @cached_property
    def _place(self) -> Ints:
        return _unpacked(self._body.place)

    @cached_property
    def _others(self) -> dict[int, str | Code]:
        return dict(self._body.others)

    def _values(self) -> list[Value]:
        values: list[Value] = self.numbers.tolist()
        for i, other in self._body.others:
            values[i] = other
        return values


def _packed(numbers: Sequence[int]) -> _Packed:
    if len(numbers) < 2:
        return _Packed(len(numbers), sum(numbers))
    steps = np.diff(np.array(numbers, np.int64))
    divisor = int(np.gcd.reduce(steps)) if len(steps) else 1
    if divisor == 0:
        return _Packed(len(numbers), numbers[0])
    steps //= divisor
    most = max(int(steps.max()), -int(steps.min()) - 1) if len(steps) else 0
    width = next(w for w in (1, 2, 4, 8) if most < 1 << (8 * w - 1))
    return _Packed(len(numbers), numbers[0], divisor, width, _planes(steps.astype(f"<i{width}"), width))


def _unpacked(packed: _Packed) -> Ints:
    whole = np.full(packed.count, packed.first, np.int64)
    if packed.width and packed.count:
        steps = _joined(packed.planes, packed.width, np.dtype(f"<i{packed.width}")).astype(np.int64)
        whole[1:] += np.cumsum(steps * packed.divisor)
    return whole


def _planes(column: NDArray[np.generic], width: int) -> bytes:
    return column.view(np.uint8).reshape(-1, width).T.tobytes()


def _joined(planes: bytes, width: int, kind: np.dtype[np.generic]) -> NDArray[np.generic]:
    return np.ascontiguousarray(np.frombuffer(planes, np.uint8).reshape(width, -1).T).view(kind).reshape(-1)


def _one_value(number: float) -> tuple[int, _Packed | None, bytes]:
    """The same of a single number, as most pages of single writes hold it."""
    for divisor in _DIVISORS if math.isfinite(number) and abs(number) < 1e12 else ():
        whole = round(number * divisor)
        if whole / divisor == number and (whole or math.copysign(1, number) > 0):
            return divisor, _Packed(1, whole), b""
    return _values(np.array([number], np.float64))


def _values(numbers: NDArray[np.float64]) -> tuple[int, _Packed | None, bytes]:
    """The divisor with which these are whole numbers, and they; or the doubles themselves."""
    for divisor in _DIVISORS if len(numbers) and np.isfinite(numbers).all() and np.abs(numbers).max() < 1e12 else ():
        whole = np.rint(numbers * divisor).astype(np.int64)
        if np.array_equal((whole / np.float64(divisor)).view(np.int64), numbers.view(np.int64)):
            return divisor, _packed(whole.tolist()), b""
    return 0, None, _planes(numbers.astype("<f8"), 8) if len(numbers) else b""


def _sometimes(moments: Sequence[datetime | None]) -> _Packed | None:
    if not any(moments):
        return None
    return _packed([_NEVER if m is None else micros(m) for m in moments])


def _moments(column: Ints) -> list[datetime | None]:
    return [None if at == _NEVER else moment(at) for at in column.tolist()]


def finite(event: Event) -> Event:
    """The event itself, or with its number as a text when the number is not finite."""
    if isinstance(event.value, float) and not math.isfinite(event.value):
        return msgspec.structs.replace(event, value=str(event.value))
    return event


def since_anew(some: list[Saying]) -> list[Saying]:
    """What was said since the history of an event begins anew, in the order learned; all where it does not."""
    some = sorted(some, key=lambda one: one[0].learned)
    starts = [i for i, (_, origin) in enumerate(some) if origin == ANEW]
    return some[starts[-1] :] if starts else some
