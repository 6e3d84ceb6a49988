"""Models whose equations are linear in the states: ``x' = A x + b`` with A and b constant between events."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pollux.kernel.derivatives import Derivatives
from pollux.kernel.program import SEGMENT, Program
from pollux.kernel.symbols import COMPARISONS

Array = NDArray[np.float64]
BENT = ("where", "maximum", "minimum", "absolute", "sign", "floor", *COMPARISONS)


@dataclass(frozen=True, eq=False)
class LinearForm:
    """The coefficients of a linear model, as nodes of a program: they depend on parameters and inputs only."""

    program: Program
    entries: dict[tuple[int, int], int]

    def coefficients(self, p: Array, u: Array) -> tuple[Array, Array]:
        """``A (states, states)`` and ``b (states,)`` for one patient's parameters and inputs."""
        n = self.program.states
        zeros = [np.float64(0.0)] * n
        with np.errstate(all="ignore"):
            values = self.program.evaluate(list(self.entries.values()), 0.0, zeros, p, u)
            b = np.array(self.program.evaluate(self.program.rates, 0.0, zeros, p, u), dtype=np.float64)
        A = np.zeros((n, n))
        for (row, column), value in zip(self.entries, values, strict=True):
            A[row, column] = value
        return A, b


def linear_form(program: Program) -> LinearForm | None:
    """The linear form of a program, or None where some equation is not linear or depends on time."""
    if program.uses_time:
        return None
    derivatives = Derivatives(program)
    leaves = [("state", i) for i in range(program.states)]
    entries = derivatives.jacobian(program.rates, leaves)
    whole = Program(
        program.states,
        program.parameters,
        program.inputs,
        tuple(derivatives.graph.nodes),
        tuple(derivatives.at(i) for i in program.rates),
        tuple(derivatives.at(i) for i in program.readings),
        tuple(derivatives.at(i) for i in program.start),
    )
    if any(whole.level[node] > SEGMENT for node in entries.values()):
        return None
    # where a branch depends on the states, constant slopes on each side make no linear whole
    if any(program.nodes[n][0] in BENT and program.level[n] > SEGMENT for n in program.needed(program.rates)):
        return None
    return LinearForm(whole, entries)
