"""Intervals that stay honest: widened and narrowed by how earlier forecasts turned out.

A forecast made h steps ago with mean μ and spread σ is scored when its reading y arrives: u = (y − μ)/σ. For each
wanted probability p the bound q_p (in units of σ) takes a step

    q_p ← q_p + γ (p − 1[u ≤ q_p]),

so that in the long run a share p of readings lies below μ + q_p σ, whatever the true distribution. This is the online
quantile step behind adaptive conformal inference (Gibbs & Candès, NeurIPS 2021, arXiv:2106.00170; its abstract was
read), taken on standardised errors. Only forecasts whose reading has arrived are used.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
PACE = 0.02  # γ, in σ: chosen on the first 70 % of the reference people


@dataclass(frozen=True)
class Bounds:
    """The bounds q (J, L) in units of σ, for J horizons of `steps` steps and the L `LEVELS`; and what is yet to score.

    `waiting` (2, longest horizon, J) holds μ and σ of the forecasts made 1, 2, … steps ago, NaN where none was made.
    """

    steps: tuple[int, ...]
    q: Array
    waiting: Array
    scored: int = 0

    def at(self, ahead: Array) -> Array:
        """The bounds for horizons of `ahead` steps (T,): `(T, L)`, in between by interpolation, in increasing order."""
        columns = [np.interp(ahead, self.steps, column) for column in self.q.T]
        return np.sort(np.stack(columns, axis=1), axis=1)


def init(steps: tuple[int, ...]) -> Bounds:
    """The bounds of a normal distribution.

    >>> init((6, 12)).q[0].round(3)
    array([-1.645, -0.674,  0.   ,  0.674,  1.645])
    """
    return Bounds(steps, np.tile(ndtri(LEVELS), (len(steps), 1)), np.full((2, max(steps), len(steps)), np.nan))


def update(bounds: Bounds, reading: float, mean: Array, sd: Array, *, pace: float = PACE) -> Bounds:
    """One slot on: score what was forecast for now, then remember what is forecast from here, `mean` and `sd` (J,).

    `reading` is NaN, and so are `mean` and `sd`, where nothing was read.
    """
    q, scored = bounds.q, bounds.scored
    if np.isfinite(reading):
        back = np.array(bounds.steps) - 1
        columns = np.arange(len(bounds.steps))
        u = (reading - bounds.waiting[0, back, columns]) / bounds.waiting[1, back, columns]
        known = np.isfinite(u)
        if known.any():
            below = u[known, None] <= q[known]
            q = q.copy()
            q[known] += pace * (np.array(LEVELS) - below)
            scored += 1
    waiting = np.empty_like(bounds.waiting)
    waiting[:, 1:] = bounds.waiting[:, :-1]
    waiting[0, 0], waiting[1, 0] = mean, sd
    return Bounds(bounds.steps, q, waiting, scored)


def reshape(u: Array, q: Array) -> Array:
    """Standardised draws `u` (n, T), moved so that their normal quantiles come to lie on the bounds `q` (T, L).

    Between the outermost levels by interpolation, beyond them by shifting.
    """
    normal = ndtri(LEVELS)
    inside = np.stack([np.interp(column, normal, bounds) for column, bounds in zip(u.T, q, strict=True)], axis=1)
    moved: Array = inside + np.minimum(u - normal[0], 0.0) + np.maximum(u - normal[-1], 0.0)
    return moved
