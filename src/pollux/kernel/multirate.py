"""Coupled models whose parts keep their own time: a heartbeat and an HbA1c in one body.

The whole is moved window by window. In each, every part with a pace of its own is moved alone, the others' outputs held
at what a straight line through the last two windows gives for the window's middle; then the parts without a pace are
moved together, the paced parts' outputs held at their averages over the window. A part with a period is moved
through some of its periods only, and its averages stand for the whole window (quasi-steady).

Everything is done twice, with whole and with half windows; the difference of the two is the stated splitting error of
the second, which is returned. For smooth couplings the splitting is of order 2, so the difference is some three times
the error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pollux.equations import Model, State
from pollux.equations.couple import Coupled, Pace, Wire, couple
from pollux.equations.model import TIME_UNITS
from pollux.errors import ModelError
from pollux.kernel.compiled import compile
from pollux.kernel.methods import choose
from pollux.kernel.schedule import Schedules
from pollux.kernel.simulation import Given, Simulation, checked
from pollux.kernel.task import Task

Array = NDArray[np.float64]
_TOTAL = "total_of_"


@dataclass(frozen=True, eq=False)
class Windowed:
    """``outputs`` by name ``(n, T)`` of the whole, and the ``splitting_error`` of each, relative to its largest value.

    Outputs of a quasi-steady part are its averages in the window that a time lies in.
    """

    times: Array
    outputs: dict[str, Array]
    splitting_error: dict[str, float]
    failed: NDArray[np.bool_]
    reasons: dict[int, str]
    windows: int


def in_windows(
    model: Coupled,
    parameters: Mapping[str, ArrayLike],
    schedule: Given,
    times: ArrayLike,
    window: float,
    *,
    tolerance: float = 1e-6,
) -> Windowed:
    """Move a coupled model in windows of a length (in its time unit), and say what the splitting cost."""
    if not model.paces or set(model.paces) == set(model.parts):
        raise ModelError(
            "moving in windows needs parts with a pace of their own and parts without",
            where=model.name,
            advice="Give `paces` for the fast parts when coupling; or use `simulate`, which moves all together.",
        )
    task, _ = checked(compile(model), parameters, schedule, times, None, tolerance)
    span = float(task.times[-1] - task.schedules.starts.min())
    count = max(1, int(np.ceil(span / window)))
    coarse, _ = _Run(model, task, count).whole()
    fine, failures = _Run(model, task, 2 * count).whole()
    error = {}
    for name in model.output_names:
        size = np.nanmax(np.abs(fine[name]), initial=0.0)
        error[name] = float(np.nanmax(np.abs(fine[name] - coarse[name]), initial=0.0) / size) if size > 0 else 0.0
    failed = np.zeros(task.patients, bool)
    failed[list(failures)] = True
    return Windowed(task.times, fine, error, failed, failures, 2 * count)


class _Part:
    """One part, or the parts without a pace together: a model that also adds up the outputs that others see."""

    def __init__(self, name: str, model: Model, seen: Sequence[str], pace: Pace | None) -> None:
        self.name = name
        self.pace = pace
        self.plain = model
        self.totals = tuple(dict.fromkeys(seen))
        self.compiled = compile(_adding_up(model, self.totals) if pace else model)

    @property
    def size(self) -> int:
        """How many states the plain part has."""
        return len(self.plain.states)


def _adding_up(model: Model, outputs: Sequence[str]) -> Model:
    """The model with a state for each of some outputs that grows by it: its integral."""

    def derivative(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        seen = model.observe(t, x, p, u)
        return {**model.derivative(t, x, p, u), **{f"{_TOTAL}{o}": seen[o] for o in outputs}}

    def initial(p: Any, u: Any) -> dict[str, Any]:
        return {**model.start(p, u), **{f"{_TOTAL}{o}": 0.0 for o in outputs}}

    more = [State(f"{_TOTAL}{o}", "1", f"integral of {o}") for o in outputs]
    return Model(
        model.name, model.version, model.title, [*model.states, *more], model.parameters, model.inputs, model.outputs,
        derivative, model.observe, initial, time_unit=model.time_unit,
    )  # fmt: skip


class _Run:
    """One pass over all windows."""

    def __init__(self, model: Coupled, task: Task, count: int) -> None:
        self.model = model
        self.task = task
        paced = {n: m for n, m in model.parts.items() if n in model.paces}
        others = {n: m for n, m in model.parts.items() if n not in model.paces}
        self.parts = [_Part(n, m, m.output_names, model.paces[n]) for n, m in paced.items()]
        self.inner = [w for w in model.wires if w.source in others and w.target in others]
        joined = couple("together", others, wires=self.inner) if len(others) > 1 else next(iter(others.values()))
        self.together = _Part("" if len(others) > 1 else next(iter(others)), joined, (), None)
        start = float(task.schedules.starts.min())
        self.marks = np.linspace(start, float(task.times[-1]), count + 1)
        self.outputs = {n: np.full((task.patients, len(task.times)), np.nan) for n in model.output_names}
        self.failures: dict[int, str] = dict(task.refused)

    def whole(self) -> tuple[dict[str, Array], dict[int, str]]:
        """Outputs at the times, and who failed."""
        states = self._start()
        before: dict[str, Array] = {}
        for a, b in zip(self.marks[:-1], self.marks[1:], strict=True):
            now = self._outputs_at(self.together, states[""], a)
            ahead = {k: v + 0.5 * (v - before[k]) if before else v for k, v in now.items()}
            before = now
            averages: dict[str, Array] = {}
            for part in self.parts:
                states[part.name], found = self._move(part, states[part.name], a, b, ahead)
                averages |= found
            states[""], _ = self._move(self.together, states[""], a, b, averages)
        return self.outputs, self.failures

    def _start(self) -> dict[str, Array]:
        """Where the parts start: as the whole does."""
        x = self.task.starts()
        whole = self.model.state_names
        columns = {
            "" if part is self.together else part.name: [
                whole.index(self._in_whole(part, s)) for s in part.plain.state_names
            ]
            for part in (*self.parts, self.together)
        }
        return {name: x[:, chosen] for name, chosen in columns.items()}

    def _in_whole(self, part: _Part, name: str) -> str:
        return f"{part.name}_{name}" if part.name else name

    def _parameters(self, part: _Part) -> Array:
        """A part's parameters: those shared keep their plain name in the whole."""
        names = self.model.parameter_names
        columns = []
        for p in part.compiled.model.parameter_names:
            known = [n for n in (self._in_whole(part, p), p, p.split("_", 1)[-1]) if n in names]
            columns.append(names.index(known[0]))
        return np.ascontiguousarray(self.task.parameters[:, columns])

    def _outputs_at(self, part: _Part, x: Array, t: float) -> dict[str, Array]:
        """What a part gives at a time, by the name of the whole; inputs as they are then."""
        schedules = self._schedules(part, t, t, {})
        u = schedules.inputs[schedules.first[schedules.which]]
        seen = compile(part.plain).observe(x, self._parameters(part), u, t * self._clock(part))
        return {self._in_whole(part, o): seen[:, k] for k, o in enumerate(part.plain.output_names)}

    def _clock(self, part: _Part) -> float:
        return TIME_UNITS[self.model.time_unit] / TIME_UNITS[part.plain.time_unit]

    def _move(
        self, part: _Part, x: Array, a: float, b: float, given: Mapping[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """A part from a to b with the other parts' outputs held; its states then, and averages of what others see."""
        pace, clock = part.pace, self._clock(part)
        until = b
        if pace and pace.period:
            until = min(b, a + (pace.settle + pace.cycles) * pace.period)
        counted = until - pace.cycles * pace.period if pace and pace.period and until < b else a
        times = self.task.times
        inside = (times >= a) & ((times < b) | (b == self.marks[-1]))
        quasi = bool(pace and pace.period) and until < b
        asked = np.array([]) if quasi else times[inside]
        moments = np.unique(np.concatenate([asked, [counted, until]]))
        task = Task(
            part.compiled, self._parameters(part), np.hstack([x, np.zeros((len(x), len(part.totals)))]), True,
            self._schedules(part, a, until, given), moments * clock, self.task.tolerance, True,
        )  # fmt: skip
        moved: Simulation = choose(task, "auto")(task, 1)
        for i, why in moved.reasons.items():
            self.failures.setdefault(i, f"{part.name or 'the slow parts'}: {why}")
        first, last = (moved.states[:, int(np.searchsorted(moments, t))] for t in (counted, until))
        span = (until - counted) * clock
        averages = {
            self._in_whole(part, o): (last[:, part.size + k] - first[:, part.size + k]) / span
            for k, o in enumerate(part.totals)
        }
        at = np.searchsorted(moments, asked)
        for o in part.plain.output_names:
            name = self._in_whole(part, o)
            if quasi and name in averages:
                self.outputs[name][:, inside] = averages[name][:, None]
            elif not quasi:
                self.outputs[name][:, inside] = moved.outputs[o][:, at]
        return np.ascontiguousarray(last[:, : part.size]), averages

    def _schedules(self, part: _Part, a: float, b: float, given: Mapping[str, Array]) -> Schedules:
        """The whole's schedules between two times as one part sees them, one for each patient."""
        s, n, clock = self.task.schedules, self.task.patients, self._clock(part)
        rows, counts = [], []
        for i in range(n):
            first, last = s.first[s.which[i]], s.first[s.which[i] + 1]
            begin = first + max(int(np.searchsorted(s.times[first:last], a, side="right")) - 1, 0)
            # several segments may begin at a; those that begin before it have had their jump
            while begin > first and s.times[begin - 1] == a:
                begin -= 1
            end = first + max(int(np.searchsorted(s.times[first:last], b, side="left")), begin - first + 1)
            rows.append(np.arange(begin, end))
            counts.append(end - begin)
        row = np.concatenate(rows)
        times = np.maximum(s.times[row], a)
        old = s.times[row] < a
        inputs = np.zeros((len(row), len(part.compiled.model.inputs)))
        jumps = np.zeros((len(row), len(part.compiled.model.states)))
        whole_inputs, whole_states = self.model.input_names, self.model.state_names
        who = np.repeat(np.arange(n), counts)
        for k, name in enumerate(part.plain.input_names):
            if self._in_whole(part, name) in whole_inputs:
                inputs[:, k] = s.inputs[row, whole_inputs.index(self._in_whole(part, name))]
            wire = self._wire(part, name)
            if wire is not None and f"{wire.source}_{wire.output}" in given:
                inputs[:, k] = wire.factor * given[f"{wire.source}_{wire.output}"][who] + wire.offset
        for k, name in enumerate(part.plain.state_names):
            jumps[:, k] = np.where(old, 0.0, s.jumps[row, whole_states.index(self._in_whole(part, name))])
        keeps = np.where(old, 1.0, s.keeps[row])
        first_rows = np.concatenate([[0], np.cumsum(counts)])
        return Schedules(
            np.arange(n), first_rows, times * clock, inputs, jumps, keeps, np.full(n, a * clock), np.full(n, b * clock)
        )

    def _wire(self, part: _Part, name: str) -> Wire | None:
        """What drives an input of a part from outside it."""
        for wire in self.model.wires:
            if wire not in self.inner and f"{wire.target}_{wire.input}" == self._in_whole(part, name):
                return wire
        return None
