"""Weighted members: how many they are worth, and how to make equal ones of them."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def normalised(log_weights: Array) -> tuple[Array, float]:
    """Weights (n,) that sum to one, and the logarithm of the sum that they had.

    >>> weights, total = normalised(np.log([2.0, 6.0]))
    >>> weights, round(float(np.exp(total)), 12)
    (array([0.25, 0.75]), 8.0)
    """
    top = float(log_weights.max())
    if not np.isfinite(top):
        return np.full(log_weights.size, np.nan), top
    weights = np.exp(log_weights - top)
    total = float(weights.sum())
    return weights / total, top + float(np.log(total))


def effective_size(weights: Array) -> float:
    """How many equal members tell as much: 1 / Σ w², for weights that sum to one.

    Kong, Liu & Wong, J Am Stat Assoc 1994, doi:10.1080/01621459.1994.10476469 (*unverified*).

    >>> effective_size(np.array([0.5, 0.5, 0.0]))
    2.0
    """
    return 1.0 / float(np.square(weights).sum())


def systematic(weights: Array, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Which members are taken, (count,): each ⌊count · w⌋ or ⌈count · w⌉ times, on average count · w times.

    One uniform number sets a comb of equal teeth on the cumulated weights (Kitagawa, J Comput Graph Stat 1996,
    doi:10.1080/10618600.1996.10474692, *unverified*).

    >>> systematic(np.array([0.5, 0.0, 0.25, 0.25]), 4, np.random.default_rng(1)).tolist()
    [0, 0, 2, 3]
    """
    teeth = (rng.random() + np.arange(count)) / count
    cumulated = np.cumsum(weights)
    # Rounding may leave the sum a little below one, or the last tooth above it.
    return np.minimum(np.searchsorted(cumulated / cumulated[-1], teeth, side="right"), weights.size - 1)
