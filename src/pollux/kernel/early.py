"""What depends on parameters and inputs alone, before anything moves: the start, and what routes do to doses."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pollux.kernel.derivatives import Derivatives
from pollux.kernel.program import Program
from pollux.kernel.tangent import Tangent

Array = NDArray[np.float64]
Columns = tuple[int, ...]  # parameters to differentiate by, by their number


class Early:
    """What a program computes before anything moves, from parameters and inputs, with derivatives by parameters."""

    def __init__(self, program: Program, wanted: Sequence[int]) -> None:
        self.program = program
        self.wanted = tuple(wanted)

    @cached_property
    def by_patient(self) -> bool:
        """Whether any of it depends on a parameter."""
        return any(self.program.nodes[n][0] == "parameter" for n in self.program.needed(self.wanted))

    @cached_property
    def _slopes(self) -> tuple[Program, dict[tuple[int, int], int]]:
        d = Derivatives(self.program)
        entries = d.jacobian(self.wanted, [("parameter", j) for j in range(self.program.parameters)])
        return replace(self.program, nodes=tuple(d.graph.nodes), rates=(), readings=(), start=(), kinetics=()), entries

    def at(self, p: Array, u: Array, columns: Columns) -> list[Tangent]:
        """The wanted values at parameters ``p (m, P)`` and inputs ``u (U,)``."""
        nothing = [0.0] * self.program.states
        slopes = np.zeros((len(self.wanted), len(columns), len(p)))
        with np.errstate(all="ignore"):
            values = self.program.evaluate(self.wanted, 0.0, nothing, p.T, u)
            if columns and self.by_patient:
                program, entries = self._slopes
                found = [(k, columns.index(j), n) for (k, j), n in entries.items() if j in columns]
                nodes = program.evaluate([n for *_, n in found], 0.0, nothing, p.T, u)
                for (k, c, _), slope in zip(found, nodes, strict=True):
                    slopes[k, c] = slope
        return [Tangent(np.array(np.broadcast_to(v, len(p)), float), s) for v, s in zip(values, slopes, strict=True)]
