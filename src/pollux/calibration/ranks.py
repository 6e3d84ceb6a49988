"""Simulate, then calibrate: does a posterior mean what it says?

A truth is drawn from the prior, data are simulated from it and calibrated as if they were a person's. If simulator
and calibrator agree, the truth is one more draw of the posterior: its rank among L other draws is uniform on 0, 1 … L
(Cook, Gelman & Rubin, J Comput Graph Stat 2006, doi:10.1198/106186006X136976, *unverified*; Talts et al. 2018,
arXiv:1804.06788, *unverified*). A heap at both ends says that intervals are too narrow, one in the middle that they
are too wide, a slope that there is a bias.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtr, ndtri
from scipy.stats import binom, chi2

from pollux.calibration.chance import normals
from pollux.calibration.draws import Draws
from pollux.calibration.laplace import Gaussian
from pollux.errors import ModelError

Array = NDArray[np.float64]
Data = TypeVar("Data")

LEVELS = 63  # L: 64 possible ranks
FEWEST_EXPECTED = 10.0  # truths in a bin: twice what the usual advice asks for
SIMULATED = 20_000  # uniform ranks against which the curve of the ranks is judged


@dataclass(frozen=True)
class Ranks:
    """The rank of each truth, `ranks` (T, P), from 0 to `levels`."""

    names: tuple[str, ...]
    ranks: NDArray[np.int64]
    levels: int

    def chi_square(self) -> Array:
        """The probability, for each parameter (P,), that uniform ranks differ as much in their histogram, or more.

        As many bins of equal width as have `FEWEST_EXPECTED` truths each.
        """
        truths, values = len(self.ranks), self.levels + 1
        bins = max((b for b in range(2, values + 1) if values % b == 0 and truths / b >= FEWEST_EXPECTED), default=0)
        if not bins:
            raise ModelError(f"{truths} truths are too few for a test of their ranks", advice="Rehearse more.")
        expected = truths / bins
        counts = [np.bincount(column * bins // values, minlength=bins) for column in self.ranks.T]
        return np.array([chi2.sf(((c - expected) ** 2).sum() / expected, bins - 1) for c in counts])

    def curve(self) -> Array:
        """The probability, for each parameter (P,), that the curve of uniform ranks leaves its course as far, or more.

        The share of ranks up to each value is compared with the binomial distribution that it should have there, and
        the least probable place counts; how low that gets by chance is found from simulated uniform ranks (Säilynoja,
        Bürkner & Vehtari, Stat Comput 2022, doi:10.1007/s11222-022-10090-6; its abstract and introduction were read).
        """
        truths = len(self.ranks)
        chance = _least_by_chance(truths, self.levels)
        found = np.array([_least(_cumulated(column, self.levels), truths, self.levels) for column in self.ranks.T])
        below = np.searchsorted(chance, found * (1.0 + 1e-9), side="right")
        return np.asarray((1.0 + below) / (1.0 + chance.size), dtype=np.float64)

    def band(self, confidence: float = 0.95) -> tuple[Array, Array]:
        """Between which shares the curve of uniform ranks stays, everywhere at once, with this probability.

        Lower and upper (L,) for the share of truths with a rank of at most 0, 1 … L − 1.
        """
        truths = len(self.ranks)
        pointwise = float(np.quantile(_least_by_chance(truths, self.levels), 1.0 - confidence))
        share = np.arange(1, self.levels + 1) / (self.levels + 1.0)
        low, high = (np.asarray(binom.ppf(p, truths, share)) for p in (pointwise / 2, 1.0 - pointwise / 2))
        return low / truths, high / truths

    def uniform(self, level: float = 0.001) -> bool:
        """Whether neither test contradicts it for any parameter, at a level for all of them together (Bonferroni)."""
        least = min(float(self.chi_square().min()), float(self.curve().min()))
        return 2 * len(self.names) * least >= level


def ranks(
    draw_truth: Callable[[np.random.Generator], Array],
    simulate: Callable[[Array, np.random.Generator], Data],
    calibrate: Callable[[Data, np.random.Generator], Draws | Gaussian],
    truths: int,
    key: int,
    levels: int = LEVELS,
) -> Ranks:
    """The ranks of `truths` truths. The i-th has random numbers of its own, whatever the number and order of others.

    `draw_truth(rng)` gives a truth (P,), `simulate(truth, rng)` its data, `calibrate(data, rng)` the posterior: draws,
    of which `levels` are taken, or a normal distribution, whose own quantiles are used.
    """
    found, names = [], tuple[str, ...]()
    for i in range(truths):
        truth = draw_truth(normals(key, "truth", i))
        posterior = calibrate(simulate(truth, normals(key, "data", i)), normals(key, "calibration", i))
        names = posterior.names
        if isinstance(posterior, Gaussian):
            below = np.floor((levels + 1) * ndtr((truth - posterior.mean) / posterior.sd))
            found.append(np.minimum(below, levels).astype(np.int64))
        else:
            chosen = posterior.resampled(levels, normals(key, "ranks", i))
            found.append((chosen < truth).sum(axis=0))
    return Ranks(names, np.array(found, dtype=np.int64), levels)


@dataclass(frozen=True)
class Coverage:
    """How many of `truths` truths each parameter's intervals of probability `level` held, (P,)."""

    names: tuple[str, ...]
    level: float
    held: NDArray[np.int64]
    truths: int

    @property
    def error(self) -> Array:
        """Share held less the share promised, (P,): below 0 the intervals are too narrow."""
        return self.held / self.truths - self.level

    def within(self, bound: float, doubt: float = 0.001) -> NDArray[np.bool_]:
        """For which parameters the true error may be `bound` or less: no verdict beyond what so many truths can say.

        False where so few or so many held would have a probability below `doubt` / 2 were the error just `bound`.
        """
        few = binom.cdf(self.held, self.truths, max(self.level - bound, 0.0))
        many = binom.sf(self.held - 1, self.truths, min(self.level + bound, 1.0))
        held: NDArray[np.bool_] = np.minimum(few, many) >= 0.5 * doubt
        return held


def coverage_error(truth: Array, posteriors: list[Gaussian], level: float = 0.9) -> Coverage:
    """How often central intervals of normal approximations hold the truths (T, P).

    >>> truth = np.array([[0.0], [2.0], [-1.0], [1.0]])
    >>> coverage_error(truth, [Gaussian.standard(("a",))] * 4).error
    array([-0.15])
    """
    wide = float(ndtri(0.5 + 0.5 * level))
    inside = [np.abs(row - p.mean) <= wide * p.sd for row, p in zip(truth, posteriors, strict=True)]
    return Coverage(posteriors[0].names, level, np.sum(inside, axis=0), len(truth))


def _cumulated(column: NDArray[np.int64], levels: int) -> NDArray[np.int64]:
    """How many ranks are at most 0, 1 … levels − 1."""
    return np.cumsum(np.bincount(column, minlength=levels + 1))[:levels]


def _least(cumulated: NDArray[np.int64], truths: int, levels: int) -> Array:
    """How improbable the curve (…, L) is at its least probable place, two-sided: (…,)."""
    share = np.arange(1, levels + 1) / (levels + 1.0)
    below = bdtr(cumulated.astype(np.float64), truths, share)
    above = 1.0 - np.where(cumulated > 0, bdtr(np.maximum(cumulated - 1.0, 0.0), truths, share), 0.0)
    least: Array = 2.0 * np.minimum(below, above).min(axis=-1)
    return least


@cache
def _least_by_chance(truths: int, levels: int) -> Array:
    """The same of simulated uniform ranks, sorted, (SIMULATED,)."""
    rng = normals(truths, "uniform ranks", levels)
    simulated = rng.multinomial(truths, np.full(levels + 1, 1.0 / (levels + 1)), SIMULATED)
    return np.sort(_least(np.cumsum(simulated, axis=1)[:, :levels], truths, levels))
