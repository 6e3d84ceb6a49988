"""The same flat program in JAX (float64): equal Runge-Kutta steps under `lax.scan`, and diffrax with adaptive steps.

JAX is given the advantage where there is a choice: patients are one array axis, compilation is not counted, equal steps
go from event to event and output to output as each patient needs, and diffrax stores states at the ends of
segments only.
"""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from pollux.kernel.program import Program
from pollux.kernel.symbols import LEAVES, NUMERIC
from pollux.kernel.task import Task


def rates_of(program: Program, jnp: Any) -> Callable[..., Any]:
    """f(t, x, p, u) → rates, each a sequence of arrays, from the flat program."""
    functions: dict[str, Callable[..., Any]] = {name: getattr(jnp, name) for name in NUMERIC if name != "number"}
    functions["number"] = lambda condition: jnp.where(condition, 1.0, 0.0)

    def f(t: Any, x: Any, p: Any, u: Any) -> list[Any]:
        leaf = {"state": x, "parameter": p, "input": u}
        value: dict[int, Any] = {}
        for index in program.needed(program.rates):
            op, *args = program.nodes[index]
            if op == "const":
                value[index] = args[0]
            elif op == "time":
                value[index] = t
            elif op in LEAVES:
                value[index] = leaf[op][args[0]]
            else:
                value[index] = functions[op](*(value[a] for a in args))
        return [value[n] for n in program.rates]

    return f


def _segments(task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges ``(n, K + 1)``, inputs ``(n, K, U)`` and jumps ``(n, K, S)`` of each patient; empty segments at the end."""
    s = task.schedules
    first = s.first[s.which]
    counts = s.first[s.which + 1] - first
    n, K, end = task.patients, int(counts.max()), float(task.times[-1])
    edges = np.full((n, K + 1), end)
    inputs, jumps = np.zeros((n, K, s.inputs.shape[1])), np.zeros((n, K, s.jumps.shape[1]))
    for i in range(n):
        rows = slice(first[i], first[i] + counts[i])
        edges[i, : counts[i]] = np.minimum(s.times[rows], end)
        inputs[i, : counts[i]], jumps[i, : counts[i]] = s.inputs[rows], s.jumps[rows]
        inputs[i, counts[i] :] = inputs[i, counts[i] - 1]
    return edges, inputs, jumps


def equal_steps(task: Task, longest: float) -> tuple[float, np.ndarray]:
    """CPU-seconds and states ``(n, T, S)`` by Runge-Kutta of order 4 with steps of at most ``longest``."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    edges, inputs, jumps = _segments(task)
    n = task.patients
    grids = [_grid(np.concatenate([edges[i], task.times]), longest) for i in range(n)]
    N = max(len(g) for g in grids)
    nodes = np.array([np.concatenate([g, np.full(N - len(g), g[-1])]) for g in grids])  # (n, N)
    which = np.array([np.searchsorted(edges[i, :-1], nodes[i, :-1], side="right") - 1 for i in range(n)])
    u = np.take_along_axis(inputs, which[:, :, None], axis=1)
    added = np.zeros((n, N - 1, jumps.shape[2]))
    for i in range(n):
        at = np.searchsorted(nodes[i], edges[i, :-1])
        np.add.at(added[i], np.minimum(at, N - 2), np.where((at < N - 1)[:, None], jumps[i], 0.0))
    wanted = np.array([np.searchsorted(nodes[i], task.times) for i in range(n)])
    f = rates_of(task.compiled.program, jnp)
    S = task.compiled.program.states

    @jax.jit
    def run(p: Any, x0: Any, t: Any, dt: Any, u: Any, added: Any) -> Any:
        def step(x: Any, now: Any) -> Any:
            t, h, u, add = now
            x = x + add
            k1 = jnp.stack(jnp.broadcast_arrays(*f(t, x, p, u)))
            k2 = jnp.stack(jnp.broadcast_arrays(*f(t + h / 2, x + h / 2 * k1, p, u)))
            k3 = jnp.stack(jnp.broadcast_arrays(*f(t + h / 2, x + h / 2 * k2, p, u)))
            k4 = jnp.stack(jnp.broadcast_arrays(*f(t + h, x + h * k3, p, u)))
            x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            return x, x

        return jax.lax.scan(step, x0, (t, dt, u, added))[1]

    given = (
        jnp.asarray(task.parameters.T), jnp.asarray(task.starts().T), jnp.asarray(nodes[:, :-1].T),
        jnp.asarray(np.diff(nodes, axis=1).T), jnp.asarray(u.transpose(1, 2, 0)), jnp.asarray(added.transpose(1, 2, 0)),
    )  # fmt: skip
    run(*given).block_until_ready()
    best = np.inf
    for _ in range(2):
        start = time.process_time()
        course = run(*given).block_until_ready()
        best = min(best, time.process_time() - start)
    states = np.concatenate([(task.starts().T + added[:, 0].T)[None], np.asarray(course)]).transpose(2, 0, 1)
    return best, np.take_along_axis(states, wanted[:, :, None].repeat(S, axis=2), axis=1)


def _grid(marks: np.ndarray, longest: float) -> np.ndarray:
    marks = np.unique(marks)
    pieces = [np.linspace(a, b, int(np.ceil((b - a) / longest - 1e-9)) + 1)[:-1] for a, b in pairwise(marks)]
    return np.concatenate([*pieces, marks[-1:]])


def diffrax_adaptive(task: Task, rtol: float) -> tuple[float, np.ndarray]:
    """CPU-seconds and the states at the last time ``(n, S)`` by diffrax's Tsit5, patients under `vmap`."""
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    edges, inputs, jumps = _segments(task)
    f = rates_of(task.compiled.program, jnp)
    term = diffrax.ODETerm(lambda t, x, a: jnp.stack(jnp.broadcast_arrays(*f(t, x, a[0], a[1]))))
    control = diffrax.PIDController(rtol=rtol, atol=rtol * 1e-2)

    def one(p: Any, x0: Any, edges: Any, u: Any, jumps: Any) -> Any:
        def segment(x: Any, now: Any) -> Any:
            a, b, u, add = now
            solved = diffrax.diffeqsolve(
                term, diffrax.Tsit5(), a, jnp.maximum(b, a + 1e-9), None, x + add, args=(p, u),
                stepsize_controller=control, max_steps=100_000, saveat=diffrax.SaveAt(t1=True),
            )  # fmt: skip
            return solved.ys[0], None

        return jax.lax.scan(segment, x0, (edges[:-1], edges[1:], u, jumps))[0]

    run = jax.jit(jax.vmap(one))
    given = tuple(jnp.asarray(a) for a in (task.parameters, task.starts(), edges, inputs, jumps))
    run(*given).block_until_ready()
    start = time.process_time()
    final = run(*given).block_until_ready()
    return time.process_time() - start, np.asarray(final)
