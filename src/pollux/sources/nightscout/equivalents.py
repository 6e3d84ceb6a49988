"""Carbohydrate that nobody ate: what some apps write for the fat and protein of a meal, spread over hours.

iAPS and Trio write such entries with `fat` and `protein` of 0, while what was eaten carries their amounts or none
(Artificial-Pancreas/iAPS pull request 1874); some exports keep `isFPU` or `fpuID`. A meal of nothing but carbohydrate
may look the same, so one such entry alone is a doubt and several alike, one after the other, are a sign.
"""

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta

from pollux.errors import PolluxError
from pollux.sources.nightscout.item import Item
from pollux.sources.nightscout.temporary import TIMES

EATEN = "carbohydrate_intake"
EQUIVALENT = "carbohydrate_equivalent"
DOUBT = "may stand for fat and protein"
_BETWEEN = timedelta(minutes=65)  # apps place them 5 to 60 minutes apart


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
        others = bisect_right(times, time + _BETWEEN) - bisect_left(times, time - _BETWEEN)
        return (EQUIVALENT, ()) if others > 1 else (EATEN, (DOUBT,))


def _looks_like_one(item: Item) -> bool:
    fat, protein = item.document.get("fat"), item.document.get("protein")
    return fat == 0 and protein == 0 and type(fat) in (int, float) and type(protein) in (int, float)
