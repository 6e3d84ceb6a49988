"""Drug models made of pieces for one test, and their course by SciPy, without the kernel."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from pollux.equations import Reference
from pollux.equations.model import Named
from pollux.models.drugs import Drug, Individual, drug
from pollux.models.drugs.pieces import Piece

Array = NDArray[np.float64]
TIMES = np.linspace(0.0, 24.0, 49)


def model(pieces: Sequence[Piece], values: Mapping[str, float]) -> Drug:
    individuals = [Individual(name, "1", name, value) for name, value in values.items()]
    return drug("made", "made for a test", pieces, individuals, residuals={}, reference=Reference("test"), checked="-")


def course(
    made: Drug, start: Mapping[str, float], times: Array = TIMES, inputs: Mapping[str, float] | None = None
) -> dict[str, Array]:
    """States and outputs by name, from the model's own functions: what is given at once stands in ``start``."""
    p = Named("parameter", made.medians())
    u = Named("input", dict.fromkeys(made.input_names, 0.0) | dict(inputs or {}))
    first = {n: float(v) for n, v in made.start(p, u).items()}
    x0 = [first[n] + start.get(n, 0.0) for n in made.state_names]

    def named(x: Array) -> Named:
        return Named("state", dict(zip(made.state_names, x, strict=True)))

    def rates(t: float, x: Array) -> list[float]:
        return [float(v) for v in made.rates(t, named(x), p, u).values()]

    found = solve_ivp(rates, (0.0, times[-1]), x0, t_eval=times, method="LSODA", rtol=1e-10, atol=1e-12)
    assert found.success, found.message
    seen = [made.readings(t, named(x), p, u) for t, x in zip(times, found.y.T, strict=True)]
    states = dict(zip(made.state_names, found.y, strict=True))
    return states | {f"out_{n}": np.array([float(s[n]) for s in seen]) for n in made.output_names}
