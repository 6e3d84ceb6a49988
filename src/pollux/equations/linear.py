"""Linear models driven by chance: exact to filter, because what is normal stays normal.

    dx = (A x + u_r) dt + dW,   cov(dW) = D_r dt,   reading = level + h·x + e,   e ~ N(0, s_k²) with probability π_k

r is the regime (meals being absorbed, say, or not), a Markov chain in continuous time with generator G; k is the kind
of reading (clear, odd). With one regime and one kind the Kalman filter is exact; with more, the mixture is kept to one
normal distribution for each regime.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pollux.equations.domain import Domain
from pollux.equations.model import Named
from pollux.equations.parts import Parameter, State
from pollux.equations.reference import Reference
from pollux.errors import ModelError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearSystem:
    """The matrices at given parameters; S states, M regimes, K kinds of reading.

    `drift` A (S, S) [1/min], `push` u (M, S) [unit/min], `diffusion` D (M, S, S) [unit²/min], `switching` G (M, M)
    [1/min] with rows that sum to 0, `start` (S, S) the covariance before the first reading (its mean is 0), `level`,
    `observed` h (S,), `noise_sd` (K,), `noise_share` (K,) with sum 1.
    """

    drift: Array
    push: Array
    diffusion: Array
    switching: Array
    start: Array
    level: float
    observed: Array
    noise_sd: Array
    noise_share: Array

    def __post_init__(self) -> None:
        states, regimes = len(self.drift), len(self.push)
        wanted = {
            "drift": (states, states), "push": (regimes, states), "diffusion": (regimes, states, states),
            "switching": (regimes, regimes), "start": (states, states), "observed": (states,),
            "noise_share": self.noise_sd.shape,
        }  # fmt: skip
        for name, shape in wanted.items():
            if np.shape(getattr(self, name)) != shape:
                raise ModelError(f"'{name}' has shape {np.shape(getattr(self, name))}", advice=f"It must be {shape}.")

    @property
    def regime_share(self) -> Array:
        """How much of the time each regime holds in the long run, `(M,)`: π G = 0, Σ π = 1."""
        regimes = len(self.push)
        equations = np.vstack([self.switching.T, np.ones(regimes)])
        share: Array = np.linalg.lstsq(equations, np.append(np.zeros(regimes), 1.0), rcond=None)[0]
        return share


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A linear model as named states and parameters with priors; `system(p)` writes its matrices.

    >>> import numpy as np
    >>> from pollux.equations import LogNormal, Parameter, State
    >>> walk = LinearModel(
    ...     name="drift-back", version="1", title="a level that drifts back",
    ...     states=[State("x", "mg/dL", "away from usual")],
    ...     parameters=[Parameter("tau", "min", "memory", LogNormal(60.0, 0.5), "example")],
    ...     system=lambda p: LinearSystem(
    ...         drift=np.array([[-1 / p.tau]]), push=np.zeros((1, 1)), diffusion=np.array([[[2 / p.tau]]]),
    ...         switching=np.zeros((1, 1)), start=np.eye(1), level=100.0, observed=np.ones(1),
    ...         noise_sd=np.ones(1), noise_share=np.ones(1)),
    ... )
    >>> round(float(walk.at(np.zeros(1)).drift[0, 0]), 4)
    -0.0167
    """

    name: str
    version: str
    title: str
    states: Sequence[State]
    parameters: Sequence[Parameter]
    system: Callable[[Any], LinearSystem]
    domain: Domain = field(default_factory=Domain)
    references: Sequence[Reference] = ()

    def __post_init__(self) -> None:
        for part in ("states", "parameters", "references"):
            object.__setattr__(self, part, tuple(getattr(self, part)))
        size = len(self.at(np.zeros(len(self.parameters))).drift)
        if size != len(self.states):
            raise ModelError(f"{len(self.states)} states are named, but the matrices have {size}", where=self.name)

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(p.name for p in self.parameters)

    @cached_property
    def state_names(self) -> tuple[str, ...]:
        """The states' names, in order."""
        return tuple(s.name for s in self.states)

    def values(self, z: Array) -> dict[str, float]:
        """Every parameter in its unit, from standard-normal numbers `z` (P,)."""
        return {p.name: float(p.prior.from_standard(v)) for p, v in zip(self.parameters, z, strict=True)}

    def at(self, z: Array) -> LinearSystem:
        """The matrices at parameters given as standard-normal numbers `z` (P,)."""
        return self.system(Named("parameter", self.values(z)))
