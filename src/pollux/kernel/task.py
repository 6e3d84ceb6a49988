"""A checked question to the kernel; every method answers the same one."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pollux.kernel.compiled import Compiled
from pollux.kernel.schedule import Schedules

Array = NDArray[np.float64]

# The part of the asked-for tolerance that one step may use. Measured on the glucose models: the error at the end of a
# day is then below the tolerance (tests/kernel/test_accuracy.py).
STEP_SHARE = 0.02
STIFF_STEP_SHARE = 0.004  # on the stiff test set, whose limit cycles make errors grow (tests/kernel/test_stiff.py)
MAX_STEPS = 1_000_000


@dataclass(frozen=True, eq=False)
class Task:
    """Patients with their parameters, starts and schedules, the times that are asked for, and how exactly.

    ``refused`` says of some patients why they cannot be simulated at all.
    """

    compiled: Compiled
    parameters: Array
    initial: Array
    given: bool
    schedules: Schedules
    times: Array
    tolerance: float
    keep_states: bool
    refused: dict[int, str] = field(default_factory=dict)

    @property
    def patients(self) -> int:
        """How many there are."""
        return len(self.parameters)

    def starts(self) -> Array:
        """Every patient's state at its start ``(n, S)``, before what is given then."""
        if self.given:
            return self.initial
        s = self.schedules
        return self.compiled.start(self.parameters, s.inputs[s.first[s.which]])

    def empty(self) -> tuple[Array, Array]:
        """Room for states ``(n, T, S)`` and outputs ``(outputs, n, T)``, all NaN."""
        n, moments, model = self.patients, len(self.times), self.compiled.model
        kept = n if self.keep_states else 0
        states = np.full((kept, moments, len(model.states)), np.nan)
        return states, np.full((len(model.outputs), n, moments), np.nan)
