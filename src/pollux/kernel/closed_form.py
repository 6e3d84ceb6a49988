"""Linear models exactly: between events, x' = A x + b has a closed form.

    x(t + τ) = e^{Aτ} x(t) + τ φ₁(Aτ) b,   φ₁(z) = (e^z − 1) / z,

both from one matrix exponential, e^{[[A, I], [0, 0]] τ}, whose upper right block is τ φ₁(Aτ), also for singular A.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from pollux.kernel.lanes import FINE, NOT_FINITE
from pollux.kernel.linear import LinearForm
from pollux.kernel.simulation import Simulation, Task, finished

Array = NDArray[np.float64]


def transition(A: Array, tau: float) -> tuple[Array, Array]:
    """``e^{Aτ}`` and ``τ φ₁(Aτ)``.

    >>> E, F = transition(np.array([[-0.1]]), 10.0)
    >>> round(float(E[0, 0]), 12) == round(float(np.exp(-1.0)), 12), round(float(F[0, 0]), 9)
    (True, 6.321205588)
    """
    n = len(A)
    whole = np.zeros((2 * n, 2 * n))
    whole[:n, :n] = A * tau
    whole[:n, n:] = np.eye(n) * tau
    result = expm(whole)
    return result[:n, :n], result[:n, n:]


def closed_form(task: Task, threads: int) -> Simulation:
    """Every patient by its own matrix exponentials; equal stretches of time share theirs."""
    form = task.compiled.linear
    assert form is not None
    n = task.patients
    states, outputs = task.empty()
    status, stopped = np.zeros(n, np.int64), np.zeros(n)
    x0 = task.starts()
    program = task.compiled.program
    for i in range(n):
        course, inputs, reached = _course(task, form, i, x0[i])
        with np.errstate(all="ignore"):
            readings = program.evaluate(program.readings, task.times, course.T, task.parameters[i], inputs.T)
        for o, values in enumerate(readings):
            outputs[o, i] = np.where(np.isfinite(course).all(axis=1), values, np.nan)
        if task.keep_states:
            states[i] = course
        status[i], stopped[i] = (FINE, 0.0) if reached is None else (NOT_FINITE, reached)
    return finished(task, states, outputs, status, np.zeros(n), np.zeros(n, np.int64), stopped, "closed form")


def _course(task: Task, form: LinearForm, i: int, x: Array) -> tuple[Array, Array, float | None]:
    """One patient's states at the times, the inputs then, and when (if ever) they ceased to be finite."""
    s = task.schedules
    first, last = s.first[s.which[i]], s.first[s.which[i] + 1]
    marks = np.append(s.times[first:last], s.ends[s.which[i]])
    course, inputs = np.full((len(task.times), len(x)), np.nan), np.zeros((len(task.times), s.inputs.shape[1]))
    known: dict[tuple[bytes, float], tuple[Array, Array]] = {}
    for k, segment in enumerate(range(first, last)):
        A, b = form.coefficients(task.parameters[i], s.inputs[segment])
        x = x + s.jumps[segment]
        if not (np.isfinite(x).all() and np.isfinite(A).all() and np.isfinite(b).all()):
            return course, inputs, float(marks[k])
        key = A.tobytes()
        at_end = k + 1 == last - first
        here = np.flatnonzero((task.times >= marks[k]) & ((task.times < marks[k + 1]) | at_end))
        now = marks[k]
        for moment in [*here, None]:
            until = marks[k + 1] if moment is None else task.times[moment]
            # without the last digits of the difference, equal stretches share a matrix exponential
            tau = round(until - now, 12)
            if (key, tau) not in known:
                known[key, tau] = transition(A, tau)
            E, F = known[key, tau]
            x = E @ x + F @ b
            now = until
            if moment is not None:
                course[moment], inputs[moment] = x, s.inputs[segment]
    bad = np.flatnonzero(~np.isfinite(course).all(axis=1))
    return course, inputs, float(task.times[bad[0]]) if len(bad) else None
