"""Whole futures of a person known by their sensor alone, drawn from the posterior: for chances of crossing a limit."""

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.sensed import Hypothesis, Sensed

Array = NDArray[np.float64]


def paths(sensed: Sensed, steps: int, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw `count` futures of `steps` slots to come: glucose and what the sensor shows, both `(count, steps)`.

    Each future belongs to one hypothesis (in equal parts), one of its parameter draws (by weight) and one course of
    regimes.
    """
    shares = np.array_split(np.arange(count), len(sensed.hypotheses))
    drawn = [_paths(h, steps, len(part), rng) for h, part in zip(sensed.hypotheses, shares, strict=True)]
    return np.vstack([glucose for glucose, _ in drawn]), np.vstack([shown for _, shown in drawn])


def _paths(h: Hypothesis, steps: int, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    slots = h.slots
    draw = rng.choice(len(h.weight), size=count, p=h.weight)
    regime = _choose(h.belief.share[draw], rng)
    spread = np.linalg.cholesky(h.belief.covariance[draw, regime] + 1e-9 * np.eye(slots.move.shape[1]))
    x = h.belief.mean[draw, regime] + np.einsum("nij,nj->ni", spread, rng.standard_normal((count, spread.shape[1])))
    added = np.linalg.cholesky(slots.noise + 1e-12 * np.eye(slots.move.shape[1]))
    glucose = np.empty((count, steps))
    for k in range(steps):
        regime = _choose(slots.chain[draw, regime], rng)
        shocks = np.einsum("nij,nj->ni", added[draw, regime], rng.standard_normal(x.shape))
        x = np.einsum("nij,nj->ni", slots.move[draw], x) + slots.push[draw, regime] + shocks
        glucose[:, k] = slots.level[draw] + np.einsum("nj,nj->n", slots.observed[draw], x)
    kind = np.stack([_choose(slots.error_share[draw], rng) for _ in range(steps)], axis=1)
    error = np.sqrt(slots.error[draw[:, None], kind]) * rng.standard_normal((count, steps))
    return glucose, glucose + error


def _choose(shares: Array, rng: np.random.Generator) -> NDArray[np.intp]:
    """One column of each row, by its share `(n, columns)`."""
    chosen: NDArray[np.intp] = (shares.cumsum(axis=1) < rng.random((len(shares), 1))).sum(axis=1)
    last: NDArray[np.intp] = np.minimum(chosen, shares.shape[1] - 1)
    return last
