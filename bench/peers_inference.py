"""The workloads of sampling.py in JAX (float64) and numpyro: the same posterior, the same filter, checked to agree.

JAX is given the advantage where there is a choice: compilation is not counted, the concentrations come from the
hand-derived sum of three exponentials (Pollux is told the differential equations and finds its own solution), NUTS may
use the fit's coordinates, and the ensemble's equal Runge-Kutta steps are as few as Pollux's own accuracy allows.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from inference import expect, timed
from peers_jax import rates_of

from pollux.calibration import tracking
from pollux.calibration.chance import standard_normals
from pollux.calibration.convergence import bulk_size, r_hat, tail_size
from pollux.calibration.course import Course
from pollux.calibration.draws import Draws
from pollux.calibration.individual import MOST, SETTLED, estimate
from pollux.calibration.laplace import Gaussian
from pollux.calibration.posterior import Posterior
from pollux.kernel import compile
from pollux.models.glucose.minimal import MINIMAL
from pollux.models.glucose.sensor import NOISE

Row = dict[str, float]
EXACT, USUAL = 1e-10, 1e-4  # tolerances of the kernel: of the truth, and of the filter
STEPS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20)  # Runge-Kutta steps in five minutes that are tried


# ---- The posterior of five parameters given eight concentrations ----


def _predicted(z: Any, medians: Any, sds: Any, times: Any, dose: float) -> Any:
    """Concentrations after one oral dose into two compartments, as a sum of three exponentials."""
    import jax.numpy as jnp

    CL, V, Q, V2, ka = medians * jnp.exp(sds * z)
    k, out, back = CL / V, Q / V, Q / V2
    total = k + out + back
    apart = jnp.sqrt(total**2 - 4.0 * k * back)
    a, b = (total + apart) / 2.0, (total - apart) / 2.0
    return (dose * ka / V) * (
        (back - a) / ((ka - a) * (b - a)) * jnp.exp(-a * times)
        + (back - b) / ((ka - b) * (a - b)) * jnp.exp(-b * times)
        + (back - ka) / ((a - ka) * (b - ka)) * jnp.exp(-ka * times)
    )


@dataclass(frozen=True, eq=False)
class Problem:
    """The posterior in JAX: `log_density(z, readings)`, and `residuals` whose squares make it up."""

    density: Posterior
    log_density: Callable[[Any, Any], Any]
    residuals: Callable[[Any, Any], Any]
    readings: np.ndarray

    @classmethod
    def of(cls, density: Posterior, dose: float, error: float) -> "Problem":
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        priors = [density.model.parameter(name).prior for name in density.names]
        medians, sds = np.array([p.median for p in priors]), np.array([p.sd for p in priors])
        times = np.array([r.time for r in density.readings])
        readings = np.array([r.value for r in density.readings])

        def residuals(z: Any, y: Any) -> Any:
            return (jnp.log(y) - jnp.log(_predicted(z, medians, sds, times, dose))) / error

        def log_density(z: Any, y: Any) -> Any:
            r, half = residuals(z, y), 0.5 * np.log(2.0 * np.pi)
            return -0.5 * (r @ r) - jnp.log(error * y).sum() - 0.5 * (z @ z) - half * (len(times) + len(sds))

        problem = cls(density, log_density, residuals, readings)
        problem._check()
        return problem

    def _check(self) -> None:
        """Value and gradient at draws from the prior are those of Pollux."""
        import jax

        both = jax.jit(jax.value_and_grad(self.log_density))
        for z in np.random.default_rng(7).standard_normal((20, len(self.density.names))):
            value, slope = self.density.value_and_gradient(z)
            theirs, gradient = both(z, self.readings)
            off = np.abs(np.asarray(gradient) - slope).max() / np.abs(slope).max()
            expect(abs(float(theirs) / value - 1.0) < 1e-6, "the log posterior in JAX differs")
            expect(float(off) < 1e-5, "the gradient in JAX differs")


def _mode(problem: Problem) -> Callable[..., Any]:
    """A function of the readings that gives mode and covariance, by Gauss-Newton with Levenberg's damping."""
    import jax
    import jax.numpy as jnp

    size = len(problem.density.names)

    def cost(z: Any, y: Any) -> Any:
        r = problem.residuals(z, y)
        return 0.5 * (r @ r) + 0.5 * (z @ z)

    def normal(z: Any, y: Any) -> Any:
        J = jax.jacfwd(problem.residuals)(z, y)
        return J.T @ J + jnp.eye(size), J.T @ problem.residuals(z, y) + z

    def find(y: Any) -> Any:
        def step(now: Any) -> Any:
            z, value, damping, _, count = now
            H, gradient = normal(z, y)
            move = -jnp.linalg.solve(H + damping * jnp.diag(jnp.diag(H)), gradient)
            gain = -(gradient @ move) - 0.5 * move @ H @ move
            trial = cost(z + move, y)
            better = trial < value
            kept = jnp.where(better, damping / 3.0, damping * 4.0)
            return jnp.where(better, z + move, z), jnp.where(better, trial, value), kept, gain, count + 1

        def goes_on(now: Any) -> Any:
            return (now[3] > SETTLED) & (now[4] < MOST)

        start = jnp.zeros(size)
        z = jax.lax.while_loop(goes_on, step, (start, cost(start, y), 1e-4, jnp.inf, 0))[0]
        return z, jnp.linalg.inv(normal(z, y)[0])

    return jax.jit(find)


def modes(problem: Problem, repeat: int) -> dict[str, Row]:
    """MAP and Laplace: mode and covariance back in NumPy, warm."""
    ours, find = estimate(problem.density).posterior, _mode(problem)

    def run() -> tuple[np.ndarray, np.ndarray]:
        z, covariance = find(problem.readings)
        return np.asarray(z), np.asarray(covariance)

    z, covariance = run()
    expect(bool(np.all(np.abs(z - ours.mean) < 1e-3 * ours.sd)), "the mode in JAX differs")
    wide = np.abs(covariance - ours.covariance).max() / np.abs(covariance).max()
    expect(float(wide) < 1e-3, "the covariance in JAX differs")
    return {
        "MAP and Laplace: Pollux": timed(lambda: estimate(problem.density), repeat),
        "MAP and Laplace: JAX, Gauss-Newton": timed(run, repeat),
    }


def nuts(problem: Problem, fit: Gaussian, agree: Callable[[Draws, np.ndarray, str], None]) -> dict[str, Row]:
    """numpyro's NUTS, 4 chains of 500 and 1,000, in the fit's coordinates as Pollux: as it is called, and in one `jit`.

    numpyro compiles in every run; within `jit` it is compiled once, the readings being an argument, and not counted.
    """
    import jax
    from numpyro.infer import MCMC, NUTS

    names, lower = problem.density.names, np.linalg.cholesky(fit.covariance)
    begin = np.random.default_rng(5).standard_normal((4, len(names)))

    def run(key: Any, begin: Any, readings: Any, **how: Any) -> tuple[Any, Any]:
        kernel = NUTS(potential_fn=lambda y: -problem.log_density(lower @ y + fit.mean, readings))
        chains = MCMC(kernel, num_warmup=500, num_samples=1000, progress_bar=False, **how)
        chains.run(key, init_params=begin, extra_fields=("num_steps", "diverging"))
        return chains.get_samples(group_by_chain=True), chains.get_extra_fields(group_by_chain=True)

    alone = jax.jit(lambda key, begin, readings: run(key, begin, readings, num_chains=1))

    def as_called(key: Any) -> tuple[np.ndarray, Any]:
        drawn, told = run(key, begin, problem.readings, num_chains=4, chain_method="vectorized")
        return np.asarray(drawn), told

    def compiled(key: Any) -> tuple[np.ndarray, Any]:
        found = [alone(k, b, problem.readings) for k, b in zip(jax.random.split(key, 4), begin, strict=True)]
        drawn = np.concatenate([np.asarray(z) for z, _ in found])
        return drawn, {said: np.concatenate([told[said] for _, told in found]) for said in found[0][1]}

    rows = {}
    for said, chains in (("as it is called", as_called), ("in one jit, compilation not counted", compiled)):
        chains(jax.random.PRNGKey(0))
        began = time.process_time()
        drawn, told = chains(jax.random.PRNGKey(1))
        used = time.process_time() - began
        z = drawn @ lower.T + fit.mean
        columns = [z[:, :, i] for i in range(len(names))]
        sizes = np.array([min(bulk_size(c), tail_size(c)) for c in columns])
        agree(Draws.equal(names, z.reshape(-1, len(names))), sizes, f"numpyro {said}")
        expect(int(np.asarray(told["diverging"]).sum()) == 0, f"numpyro {said}: paths broke off")
        rows[f"NUTS: numpyro, {said}"] = {
            "cpu_ms": 1e3 * used, "effective": float(sizes.min()), "effective_per_cpu_s": float(sizes.min()) / used,
            "gradients_after_tuning": float(np.asarray(told["num_steps"]).sum()),
            "r_hat": max(r_hat(c) for c in columns),
        }  # fmt: skip
    return rows


# ---- One reading taken in by 112 members ----


def _moved_in_jax(course: Course, steps: int) -> Callable[..., Any]:
    """members, inputs → their states five minutes later, by equal Runge-Kutta steps of order 4."""
    import jax.numpy as jnp

    f = rates_of(compile(MINIMAL).program, jnp)
    usual, columns, centers, sds = tracking._forms()
    base = usual.copy()
    base[tracking._WEIGHT], base[tracking._BASAL] = course.weight, course.basal
    h = tracking.SLOT / steps

    def move(members: Any, inputs: Any) -> Any:
        p = list(base)
        for k, column in enumerate(columns):
            p[column] = centers[k] * jnp.exp(sds[k] * members[:, tracking._Z.start + k])
        u = [*inputs, members[:, tracking._DISTURBANCE]]

        def rates(x: Any) -> Any:
            return jnp.stack(jnp.broadcast_arrays(*f(0.0, x, p, u)))

        x = members[:, : tracking.STATES].T
        for _ in range(steps):
            k1 = rates(x)
            k2 = rates(x + h / 2 * k1)
            k3 = rates(x + h / 2 * k2)
            x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + rates(x + h * k3))
        return x.T

    return move


def _update_in_jax(course: Course, steps: int) -> Callable[..., Any]:
    """members, inputs, shocks, spread, reading → members one slot of five minutes later, conditioned on the reading."""
    import jax.numpy as jnp

    move = _moved_in_jax(course, steps)
    transition, added = NOISE.step(tracking.SLOT)
    root = np.linalg.cholesky(added + 1e-14 * np.eye(2))
    keep = np.exp(-tracking.SLOT / tracking.DISTURBANCE_MEMORY)
    S, first, last = tracking.STATES, tracking._Z.start, tracking._Z.stop

    def update(members: Any, inputs: Any, shocks: Any, spread: Any, reading: Any) -> Any:
        wandered = keep * members[:, tracking._DISTURBANCE] + spread * np.sqrt(1.0 - keep**2) * shocks[:, 2]
        error = members[:, tracking._ERROR] @ transition.T + shocks[:, :2] @ root.T
        moved = jnp.concatenate([move(members, inputs), members[:, first:last], wandered[:, None], error], axis=1)
        expected = moved[:, tracking.INTERSTITIAL] + moved[:, tracking._ERROR.start]
        off, apart = expected - expected.mean(), moved - moved.mean(axis=0)
        total = off @ off / (len(off) - 1) + tracking._READING_ERROR
        gain = off @ apart / ((len(off) - 1) * total)
        known = apart - jnp.outer(off, gain) / (1.0 + jnp.sqrt(tracking._READING_ERROR / total))
        before, after = apart[:, first:last].std(axis=0), known[:, first:last].std(axis=0)
        wider = 1.0 + tracking.RELAXATION * (before - after) / jnp.maximum(after, 1e-12)
        known = known.at[:, first:last].multiply(wider) + moved.mean(axis=0) + gain * (reading - expected.mean())
        return jnp.concatenate([jnp.maximum(known[:, :S], tracking._LEAST), known[:, S:]], axis=1)

    return update


def _quiet(course: Course) -> list[int]:
    """The readings between which no input changes and no bolus arrives."""
    moments = course.readings[:, 0]
    pieces = [course.segments(float(a), float(b)) for a, b in pairwise(moments)]
    return [i + 1 for i, piece in enumerate(pieces) if len(piece.values) == 1 and not piece.boluses]


def ensemble(course: Course, seed: int, members: int, twins: int, repeat: int) -> dict[str, Row]:
    """The same readings by Pollux and by JAX: CPU time of one update, and updates of many twins per CPU-second."""
    import jax

    jax.config.update("jax_enable_x64", True)
    which = set(_quiet(course))
    body, kept = tracking.begin(course, float(course.readings[0, 0]), seed, members), []
    for i, (at, reading) in enumerate(course.readings[1:], start=1):
        if i in which:
            inputs = course.segments(body.time, float(at)).values[0]
            shocks = standard_normals(body.key, "slot", float(at), (members, 3))
            kept.append((body, float(at), float(reading), inputs, shocks))
        body, _ = tracking.update(body, course, float(at), float(reading))
    steps, ours, theirs = _steps_as_exact(course, kept)
    _check_update(course, kept, jax.jit(_update_in_jax(course, steps)))

    def drawn(key: Any, members: Any, inputs: Any, spread: Any, reading: Any) -> Any:
        shocks = jax.random.normal(key, (members.shape[0], 3))
        return _update_in_jax(course, steps)(members, inputs, shocks, spread, reading)

    alone = jax.jit(drawn)
    on_device = [
        (jax.random.PRNGKey(i), jax.device_put(k[0].members), jax.device_put(k[3])) for i, k in enumerate(kept)
    ]
    given = [(*first, k[0].spread, k[2]) for first, k in zip(on_device, kept, strict=True)]
    alone(*given[0]).block_until_ready()
    ways = {
        "Pollux": [lambda k=k: tracking.update(k[0], course, k[1], k[2]) for k in kept],
        "JAX": [lambda g=g: alone(*g).block_until_ready() for g in given],
    }
    rows: dict[str, Row] = {f"filter update, one twin: {said}": _each(runs, repeat) for said, runs in ways.items()}
    rows["filter update, one twin: JAX"] |= {"steps": float(steps), "error": theirs, "error_of_pollux": ours}
    return rows | _many(course, kept, jax.jit(jax.vmap(drawn, (0, 0, 0, None, 0))), twins, repeat)


def _check_update(course: Course, kept: list[Any], one: Callable[..., Any]) -> None:
    """With the same random numbers the members are the same, to the accuracy of the kernel's step."""
    size = np.max([np.abs(body.members).max(axis=0) for body, *_ in kept], axis=0)
    for body, at, reading, inputs, shocks in kept:
        known = tracking.update(body, course, at, reading)[0].members
        off = np.abs(np.asarray(one(body.members, inputs, shocks, body.spread, reading)) - known).max(axis=0) / size
        expect(float(off.max()) < 2.0 * USUAL, f"an ensemble's update in JAX differs by {off.max():.1e}")


def _each(runs: list[Callable[[], Any]], repeat: int) -> Row:
    """The median over readings of the least time each took."""
    wall, cpu = np.full((2, len(runs)), np.inf)
    for _ in range(repeat):
        for i, run in enumerate(runs):
            began, used = time.perf_counter(), time.process_time()
            run()
            cpu[i] = min(cpu[i], time.process_time() - used)
            wall[i] = min(wall[i], time.perf_counter() - began)
    return {"wall_ms": 1e3 * float(np.median(wall)), "cpu_ms": 1e3 * float(np.median(cpu)), "readings": len(runs)}


def _steps_as_exact(course: Course, kept: list[Any]) -> tuple[int, float, float]:
    """The fewest Runge-Kutta steps that are at least as exact as Pollux's filter, and the errors of Pollux and of them.

    Largest difference of any member's state from the kernel's at 1e-10, relative to that state's largest value.
    """
    import jax

    body = compile(MINIMAL)
    cases = []
    for twin, _, _, inputs, _ in kept[:: max(1, len(kept) // 20)]:
        u = np.column_stack([np.repeat(inputs[None], len(twin.members), 0), twin.members[:, tracking._DISTURBANCE]])
        values = tracking.parameters(twin.slow, course)
        truth, usual = (
            body.advance(twin.states, values, u, 0.0, tracking.SLOT, tolerance=t, max_steps=100_000)
            for t in (EXACT, USUAL)
        )
        cases.append((twin, inputs, truth, usual))

    def error(found: np.ndarray, truth: np.ndarray) -> float:
        return float((np.abs(found - truth) / np.maximum(np.abs(truth).max(axis=0), 1e-6)).max())

    ours = max(error(usual, truth) for _, _, truth, usual in cases)
    for steps in STEPS:
        move = jax.jit(_moved_in_jax(course, steps))
        theirs = max(error(np.asarray(move(twin.members, inputs)), truth) for twin, inputs, truth, _ in cases)
        if theirs <= max(ours, 1e-9):
            return steps, ours, theirs
    return STEPS[-1], ours, theirs


def _many(course: Course, kept: list[Any], update: Callable[..., Any], twins: int, repeat: int) -> dict[str, Row]:
    """Twins of the same person with keys of their own, a quiet reading of the day for all."""
    import jax

    body, at, reading, inputs, _ = kept[len(kept) // 2]
    everybody = [tracking.Ensemble(body.time, body.members, body.spread, key) for key in range(twins)]
    courses = [course] * twins
    given = (
        jax.random.split(jax.random.PRNGKey(1), twins), jax.device_put(np.repeat(body.members[None], twins, 0)),
        jax.device_put(np.repeat(inputs[None], twins, 0)), body.spread, np.full(twins, reading),
    )  # fmt: skip
    update(*given).block_until_ready()
    ways = {
        "Pollux": lambda: tracking.update_many(everybody, courses, [at] * twins, [reading] * twins, 1),
        "JAX": lambda: update(*given).block_until_ready(),
    }
    rows = {}
    for said, run in ways.items():
        run()
        row = _each([run], max(5, repeat))
        rows[f"filter update, {twins:,} twins: {said}"] = {
            "updates_per_cpu_s": 1e3 * twins / row["cpu_ms"], "updates_per_wall_s": 1e3 * twins / row["wall_ms"],
        }  # fmt: skip
    return rows
