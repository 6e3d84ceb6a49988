"""What one patient is given, and when: piecewise-constant inputs and sudden additions, exact in time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pollux.equations import Model
from pollux.errors import ModelError, UnknownName

Array = NDArray[np.float64]
Interval = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Schedule:
    """Inputs and impulses of one patient between two times, in minutes.

    ``times`` are the beginnings of the segments ``(segments,)``, the first of them ``start``; ``inputs`` the inputs'
    values in each ``(segments, inputs)``; ``jumps`` what is added to each state when the segment begins ``(segments,
    states)``; ``keeps`` whether the states before it stay (1) or are forgotten (0) ``(segments,)``, 1 if not given.
    Values hold from the beginning of their segment on: a reading at the time of a bolus sees the bolus.
    """

    start: float
    end: float
    times: Array
    inputs: Array
    jumps: Array
    keeps: Array = field(default_factory=lambda: np.ones(0))

    def __post_init__(self) -> None:
        if len(self.keeps) == 0:
            object.__setattr__(self, "keeps", np.ones(len(self.times)))
        for name in ("times", "inputs", "jumps", "keeps"):
            array = np.array(getattr(self, name), dtype=np.float64, order="C")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        segments = len(self.times)
        if self.times.ndim != 1 or self.inputs.ndim != 2 or self.jumps.ndim != 2:
            raise ModelError(
                "a schedule needs times (segments,), inputs (segments, inputs) and jumps (segments, states)"
            )
        rows = [len(self.inputs), len(self.jumps), len(self.keeps)]
        if segments == 0 or rows != [segments] * 3:
            raise ModelError(
                f"a schedule has {segments} times, {rows[0]} rows of inputs, {rows[1]} of jumps and {rows[2]} of keeps",
                advice="Give one row of each for every segment.",
            )
        if not (np.isfinite(self.start) and np.isfinite(self.end) and self.start < self.end):
            raise ModelError(f"a schedule runs from {self.start} to {self.end}", advice="It must end after it starts.")
        if self.times[0] != self.start or not np.all(np.diff(self.times) > 0) or self.times[-1] > self.end:
            raise ModelError("a schedule's times must begin at its start and rise up to its end")
        if not (np.isfinite(self.inputs).all() and np.isfinite(self.jumps).all()):
            raise ModelError("a schedule contains a value that is not a finite number")

    @staticmethod
    def of(
        model: Model,
        start: float,
        end: float,
        signals: Mapping[str, Iterable[Interval]] | None = None,
        base: Mapping[str, float] | None = None,
        impulses: Iterable[tuple[float, str, float]] = (),
    ) -> "Schedule":
        """A schedule from intervals and impulses.

        ``signals`` gives for an input its intervals ``(from, to, value)``; where intervals overlap, and on top of
        ``base`` (the value throughout), they add. ``impulses`` are ``(time, state or impulse of the model,
        amount)``. Intervals may reach beyond the schedule; an impulse outside it is an error.

        >>> from pollux.models.glucose.uva_padova import UVA_PADOVA
        >>> schedule = Schedule.of(UVA_PADOVA, 0.0, 60.0, signals={"meal": [(10.0, 20.0, 5000.0)]})
        >>> schedule.times.tolist()
        [0.0, 10.0, 20.0]
        """
        given = {name: list(intervals) for name, intervals in (signals or {}).items()}
        base = dict(base or {})
        for name in (*given, *base):
            _require("input", name, model.input_names)
        jumps = [(float(t), _target(model, name), float(amount)) for t, name, amount in impulses]
        times = _breakpoints(start, end, given, jumps)
        inputs = np.zeros((len(times), len(model.inputs)))
        for name, value in base.items():
            inputs[:, model.input_names.index(name)] = value
        for name, intervals in given.items():
            column = model.input_names.index(name)
            for begin, stop, value in intervals:
                first, last = np.searchsorted(times, (begin, stop))
                inputs[first:last, column] += value
        added = np.zeros((len(times), len(model.states)))
        for t, state, amount in jumps:
            added[int(np.searchsorted(times, t)), model.state_names.index(state)] += amount
        return Schedule(start, end, times, inputs, added)


def _breakpoints(
    start: float,
    end: float,
    signals: Mapping[str, Sequence[Interval]],
    jumps: Sequence[tuple[float, str, float]],
) -> Array:
    marks = {float(start)}
    for name, intervals in signals.items():
        for begin, stop, _ in intervals:
            if not begin < stop:
                raise ModelError(
                    f"an interval of '{name}' runs from {begin} to {stop}",
                    advice="It must end after it begins; what is given at once is an impulse.",
                )
            marks.update(float(t) for t in (begin, stop) if start < t < end)
    for t, name, _ in jumps:
        if not start <= t <= end:
            raise ModelError(f"an impulse into '{name}' at {t} lies outside the schedule, {start} to {end}")
        marks.add(t)
    return np.array(sorted(marks))


def _target(model: Model, name: str) -> str:
    if name in model.impulses:
        return model.impulses[name]
    _require("state or impulse", name, (*model.impulses, *model.state_names))
    return name


def _require(kind: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise UnknownName(f"there is no {kind} '{name}'", advice=f"There are: {', '.join(names) or 'none'}.")


@dataclass(frozen=True, eq=False)
class Schedules:
    """The schedules of many patients, end to end: what the generated code reads."""

    which: NDArray[np.int64]
    first: NDArray[np.int64]
    times: Array
    inputs: Array
    jumps: Array
    keeps: Array
    starts: Array
    ends: Array


@dataclass(frozen=True, eq=False)
class Motion:
    """How schedules move with C columns: their ``times (segments, C)``, ``inputs (segments, U, C)`` and ``jumps
    (segments, S, C)``."""

    times: Array
    inputs: Array
    jumps: Array

    @classmethod
    def none(cls, segments: int) -> "Motion":
        """Of schedules that do not move."""
        return cls(np.zeros((segments, 0)), np.zeros((segments, 0, 0)), np.zeros((segments, 0, 0)))


def gather(model: Model, schedule: Schedule | Sequence[Schedule], patients: int | None) -> Schedules:
    """One schedule for everybody, or one for each; each distinct schedule is kept once."""
    each = [schedule] if isinstance(schedule, Schedule) else list(schedule)
    if isinstance(schedule, Schedule):
        which = np.zeros(1 if patients is None else patients, np.int64)
    else:
        if patients not in (None, len(each)):
            raise ModelError(
                f"there are {patients} patients and {len(each)} schedules", advice="Give one, or one for each."
            )
        places: dict[int, int] = {}
        which = np.array([places.setdefault(id(s), len(places)) for s in each], np.int64)
        each = list({id(s): s for s in each}.values())
    for s in each:
        if s.inputs.shape[1] != len(model.inputs) or s.jumps.shape[1] != len(model.states):
            raise ModelError(
                f"a schedule has {s.inputs.shape[1]} inputs and {s.jumps.shape[1]} states; the model has "
                f"{len(model.inputs)} and {len(model.states)}",
                where=model.name,
                advice="Make it with Schedule.of(model, …).",
            )
    counts = np.array([0, *(len(s.times) for s in each)], np.int64)
    if len(each) == 1:
        times, inputs, jumps, keeps = each[0].times, each[0].inputs, each[0].jumps, each[0].keeps
    else:
        times = np.concatenate([s.times for s in each])
        inputs = np.concatenate([s.inputs for s in each])
        jumps = np.concatenate([s.jumps for s in each])
        keeps = np.concatenate([s.keeps for s in each])
    starts = np.array([s.start for s in each])
    ends = np.array([s.end for s in each])
    return Schedules(which, np.cumsum(counts), times, inputs, jumps, keeps, starts, ends)
