"""Carbohydrate that nobody ate: what some apps write for the fat and protein of a meal, spread over hours.

iAPS and Trio write such entries with `fat` and `protein` of 0 (Artificial-Pancreas/iAPS pull request 1874), at steps of
full minutes to the second; some exports keep `isFPU` or `fpuID`. A meal of nothing but carbohydrate may be written
alike, and twice the same 15 g is how a low is treated. So three or more alike at one even step are a sign, and anything
less is a doubt that is told.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

from pollux.errors import PolluxError
from pollux.sources.nightscout.item import Item
from pollux.sources.nightscout.temporary import TIMES

EATEN = "carbohydrate_intake"
EQUIVALENT = "carbohydrate_equivalent"
DOUBT = "may stand for fat and protein"
_STEPS = range(5, 65, 5)  # minutes between two of them in the apps' settings
_EXACT = timedelta(seconds=2)


class Equivalents:
    """The entries of one file that look as if they stood for fat and protein, gathered before it is read."""

    def __init__(self) -> None:
        self._times: dict[float, list[datetime]] = {}
        self._sorted = False

    def gather(self, item: Item) -> None:
        """Take note of an entry without fat and protein, both stated."""
        if not _looks_like_one(item):
            return
        try:
            carbs, (time, _) = item.number("carbs"), item.time(*TIMES)
        except PolluxError:
            return  # told when the document is read
        if carbs and item.document.get("isValid") is not False:
            self._times.setdefault(carbs, []).append(time)

    def quantity(self, item: Item, time: datetime) -> tuple[str, tuple[str, ...]]:
        """What the carbohydrate of a document is, and the flag of a doubt."""
        if item.document.get("isFPU") is True or item.text("fpuID"):
            return EQUIVALENT, ()
        if not _looks_like_one(item):
            return EATEN, ()
        if not self._sorted:
            for times in self._times.values():
                times.sort()
            self._sorted = True
        times = self._times.get(item.number("carbs") or 0.0, [])
        even = any(_in_step(times, time, timedelta(minutes=minutes)) for minutes in _STEPS)
        return (EQUIVALENT, ()) if even else (EATEN, (DOUBT,))


def _in_step(times: Sequence[datetime], at: datetime, step: timedelta) -> bool:
    """Whether three times, this one among them, follow each other at one step."""
    offsets = [k for k in range(-2, 3) if _has(times, at + k * step)]
    return any({k, k + 1, k + 2} <= {*offsets, 0} for k in range(-2, 1))


def _has(times: Sequence[datetime], at: datetime) -> bool:
    return bisect_right(times, at + _EXACT) > bisect_left(times, at - _EXACT)


def _looks_like_one(item: Item) -> bool:
    fat, protein = item.document.get("fat"), item.document.get("protein")
    return fat == 0 and protein == 0 and type(fat) in (int, float) and type(protein) in (int, float)
