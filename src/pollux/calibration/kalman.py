"""Filtering a linear model reading by reading, through gaps, for several parameter draws at once.

Between slots the regimes mix and every regime's state moves; a reading then conditions each regime's normal
distribution, clear and odd readings side by side, and these two are joined again to one with the same mean and
covariance. This is the interacting-multiple-model filter (Blom & Bar-Shalom, IEEE Trans Automat Contr 1988,
doi:10.1109/9.1299, *unverified*). With one regime and one kind of reading nothing is joined and it is Kalman's, exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pollux.calibration.slots import Ahead, Slots
from pollux.kernel.kept_code import keep

Array = NDArray[np.float64]

LEAST_SHARE = 1e-9  # a regime is never ruled out altogether, or it could not come back


@dataclass(frozen=True)
class Belief:
    """What is known at a slot, after its reading: for each draw (N) and regime (M) a normal distribution.

    `mean` (N, M, S), `covariance` (N, M, S, S), `share` (N, M).
    """

    mean: Array
    covariance: Array
    share: Array


@dataclass(frozen=True)
class Course:
    """What the filter said on its way, for n slots and J horizons.

    `expected` and `variance` (N, n, J) of the readings ahead, given the readings up to each slot; `log_density` (N, n)
    of each reading given those before it, 0 where there is none.
    """

    expected: Array
    variance: Array
    log_density: Array


def init(slots: Slots) -> Belief:
    """Before the first reading: the stationary spread, regimes at their long-run share."""
    draws, regimes, states = slots.push.shape
    covariance = np.repeat(slots.start[:, None], regimes, axis=1)
    return Belief(np.zeros((draws, regimes, states)), covariance, slots.share.copy())


def update(
    belief: Belief, slots: Slots, readings: Array, ahead: Ahead, *, moving: bool = True
) -> tuple[Belief, Course]:
    """Take in one value for each following slot, NaN where nothing was read.

    With `moving=False` the first value belongs to the belief's own slot (the very first reading).
    """
    mean, covariance, share = belief.mean.copy(), belief.covariance.copy(), belief.share.copy()
    draws, horizons = ahead.look.shape[:2]
    expected = np.full((draws, readings.size, horizons), np.nan)
    variance = np.full_like(expected, np.nan)
    density = np.zeros((draws, readings.size))
    s = slots
    _follow(
        np.ascontiguousarray(readings, dtype=np.float64), moving, mean, covariance, share,
        s.move, s.push, s.noise, s.chain, s.level, s.observed, s.error, s.error_share,
        ahead.look, ahead.push, ahead.noise, ahead.error, expected, variance, density,
    )  # fmt: skip
    return Belief(mean, covariance, share), Course(expected, variance, density)


def _jit(function: Callable[..., Any]) -> Callable[..., Any]:
    flags = {"contract", "nsz", "arcp"}
    kept: Callable[..., Any] = keep(njit(cache=True, error_model="numpy", fastmath=flags)(function))
    return kept


# One function, because numba then keeps everything in one loop without allocating; its parts are marked.
@_jit
def _follow(  # type: ignore[no-untyped-def]
    readings, moving, X, P, w, move, push, noise, chain, level, h, error, error_share, look, ahead_push, ahead_noise,
    ahead_error, expected, variance, density,
):  # fmt: skip
    draws, regimes, states = X.shape
    kinds, horizons, count = error.shape[1], look.shape[1], readings.size
    Xm, Pm, wm = np.zeros((regimes, states)), np.zeros((regimes, states, states)), np.zeros(regimes)
    x, T, C, Ph = np.zeros(states), np.zeros((states, states)), np.zeros((states, states)), np.zeros(states)
    part, weight, first, last = (
        np.zeros(regimes),
        np.zeros(kinds),
        np.zeros(states, np.int64),
        np.zeros(states, np.int64),
    )
    for n in range(draws):
        for i in range(states):  # where each row of Φ begins and ends: it is nearly diagonal
            first[i], last[i] = states, 0
            for j in range(states):
                if move[n, i, j] != 0.0:
                    first[i] = min(first[i], j)
                    last[i] = j + 1
        for k in range(count):
            if moving or k > 0:
                # --- a step: regimes mix, states move
                for m in range(regimes):
                    wm[m] = 0.0
                    for r in range(regimes):
                        wm[m] += w[n, r] * chain[n, r, m]
                for m in range(regimes):
                    for i in range(states):
                        x[i] = 0.0
                        for r in range(regimes):
                            x[i] += w[n, r] * chain[n, r, m] / wm[m] * X[n, r, i]
                    for i in range(states):
                        for j in range(i + 1):
                            a = 0.0
                            for r in range(regimes):
                                apart = (X[n, r, i] - x[i]) * (X[n, r, j] - x[j])
                                a += w[n, r] * chain[n, r, m] / wm[m] * (P[n, r, i, j] + apart)
                            C[i, j] = C[j, i] = a
                    for i in range(states):
                        a = push[n, m, i]
                        for j in range(first[i], last[i]):
                            a += move[n, i, j] * x[j]
                        Xm[m, i] = a
                        for j in range(states):
                            a = 0.0
                            for q in range(first[i], last[i]):
                                a += move[n, i, q] * C[q, j]
                            T[i, j] = a
                    for i in range(states):
                        for j in range(i + 1):
                            a = noise[n, m, i, j]
                            for q in range(first[j], last[j]):
                                a += T[i, q] * move[n, j, q]
                            Pm[m, i, j] = Pm[m, j, i] = a
                for m in range(regimes):
                    w[n, m] = wm[m]
                    for i in range(states):
                        X[n, m, i] = Xm[m, i]
                        for j in range(states):
                            P[n, m, i, j] = Pm[m, i, j]
            if np.isnan(readings[k]):
                continue
            # --- a reading: each regime conditions on it, kinds of reading joined by their moments
            best = -np.inf
            for m in range(regimes):
                off, v = readings[k] - level[n], 0.0
                for i in range(states):
                    Ph[i] = 0.0
                    for j in range(states):
                        Ph[i] += P[n, m, i, j] * h[n, j]
                    off -= h[n, i] * X[n, m, i]
                for i in range(states):
                    v += h[n, i] * Ph[i]
                top = -np.inf
                for s in range(kinds):
                    total = v + error[n, s]
                    weight[s] = np.log(error_share[n, s]) - 0.5 * (np.log(2 * np.pi * total) + off * off / total)
                    top = max(top, weight[s])
                whole, gain, spread = 0.0, 0.0, 0.0
                for s in range(kinds):
                    weight[s] = np.exp(weight[s] - top)
                    whole += weight[s]
                for s in range(kinds):
                    weight[s] /= whole
                    gain += weight[s] / (v + error[n, s])
                for s in range(kinds):
                    spread += weight[s] * (off / (v + error[n, s]) - off * gain) ** 2
                for i in range(states):
                    X[n, m, i] += Ph[i] * off * gain
                    for j in range(states):
                        P[n, m, i, j] += Ph[i] * Ph[j] * (spread - gain)
                part[m] = np.log(w[n, m]) + top + np.log(whole)
                best = max(best, part[m])
            whole = 0.0
            for m in range(regimes):
                whole += np.exp(part[m] - best)
            density[n, k] = best + np.log(whole)
            whole = 0.0
            for m in range(regimes):
                w[n, m] = max(np.exp(part[m] - density[n, k]), LEAST_SHARE)
                whole += w[n, m]
            for m in range(regimes):
                w[n, m] /= whole
            # --- what is to be expected from here
            for j in range(horizons):
                centre, total = 0.0, 0.0
                for m in range(regimes):
                    part[m] = level[n] + ahead_push[n, j, m]
                    for i in range(states):
                        part[m] += look[n, j, i] * X[n, m, i]
                    centre += w[n, m] * part[m]
                for m in range(regimes):
                    a = ahead_noise[n, j, m] + ahead_error[n] + (part[m] - centre) ** 2
                    for i in range(states):
                        for q in range(i):
                            a += 2.0 * look[n, j, i] * P[n, m, i, q] * look[n, j, q]
                        a += look[n, j, i] * look[n, j, i] * P[n, m, i, i]
                    total += w[n, m] * a
                expected[n, k, j] = centre
                variance[n, k, j] = total
