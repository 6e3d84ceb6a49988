"""What the data could and could not tell: for people, beside every fit.

Local structural rank and the named non-identifiable combinations follow from the singular values of the whitened
sensitivities (Raue et al., Bioinformatics 2009, doi:10.1093/bioinformatics/btp358, for profile likelihood).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.laplace import FitInfo, Forward, Gaussian, fit

Array = NDArray[np.float64]

# A parameter is called informed when the data removed at least this share of its prior variance.
INFORMED = 0.5


@dataclass(frozen=True)
class Learned:
    """What became of one parameter: `contraction` is 1 − posterior/prior variance, `moved` is in prior sds."""

    name: str
    contraction: float
    moved: float

    @property
    def informed(self) -> bool:
        """Whether the data, more than the prior, say what this parameter is."""
        return self.contraction >= INFORMED


@dataclass(frozen=True)
class Combination:
    """A direction in which the data say less than the prior: `strength` < 1; `parts` are its largest loadings."""

    strength: float
    parts: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        return " ".join(f"{loading:+.2f}·{name}" for name, loading in self.parts)


def learned(prior: Gaussian, posterior: Gaussian) -> tuple[Learned, ...]:
    """Each parameter's contraction and movement."""
    contraction = 1.0 - np.diag(posterior.covariance) / np.diag(prior.covariance)
    moved = (posterior.mean - prior.mean) / prior.sd
    return tuple(Learned(name, float(c), float(m)) for name, c, m in zip(prior.names, contraction, moved, strict=True))


def local_rank(
    info: FitInfo, prior: Gaussian, names: Sequence[str] | None = None
) -> tuple[int, tuple[Combination, ...]]:
    """How many directions the data determine better than the prior, and which they do not, weakest first.

    The whitened sensitivities J (N, P) are scaled by the prior's spread. With `names`, the others are projected out: a
    direction counts only by what they cannot imitate.
    """
    scaled = info.jacobian * prior.sd
    chosen = list(prior.names if names is None else names)
    keep = [prior.names.index(name) for name in chosen]
    others = [i for i in range(len(prior.names)) if i not in keep]
    if others:
        # Nuisance parameters with unit prior: what is left of J after they have explained what they can.
        nuisance = scaled[:, others]
        gram = nuisance.T @ nuisance + np.eye(len(others))
        main = scaled[:, keep]
        information = main.T @ main - main.T @ nuisance @ np.linalg.solve(gram, nuisance.T @ main)
    else:
        information = scaled[:, keep].T @ scaled[:, keep]
    values, directions = np.linalg.eigh(information)
    strengths = np.sqrt(np.maximum(values, 0.0))
    weak = tuple(
        Combination(
            float(strength),
            tuple(
                (chosen[i], float(direction[i])) for i in np.argsort(-np.abs(direction))[:4] if abs(direction[i]) > 0.2
            ),
        )
        for strength, direction in zip(strengths, directions.T, strict=True)
        if strength < 1.0
    )
    return int((strengths >= 1.0).sum()), weak


def profile(
    forward: Forward, observed: Array, noise: Array, prior: Gaussian, name: str, values: Array
) -> tuple[Array, tuple[FitInfo, ...]]:
    """Profile likelihood: the best log-likelihood of the data with the parameter `name` held at each value of its z.

    The other parameters are found anew each time, with their priors; returns shape `(values,)` and each fit's info.
    """
    index = prior.names.index(name)
    rest = [i for i in range(len(prior.names)) if i != index]
    others = prior.marginal([prior.names[i] for i in rest])
    profiled, infos = [], []
    for value in values:

        def held(z: Array, value: float = float(value)) -> tuple[Array, Array]:
            predicted, jacobian = forward(np.insert(z, index, value))
            return predicted, np.delete(jacobian, index, axis=1)

        _, info = fit(held, observed, noise, others)
        profiled.append(-0.5 * float(info.residuals @ info.residuals))
        infos.append(info)
    return np.array(profiled), tuple(infos)
