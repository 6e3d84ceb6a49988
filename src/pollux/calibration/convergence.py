"""Whether several chains tell the same story, and how many independent draws they are worth.

Rank-normalised split R̂, bulk and tail effective sizes after Vehtari, Gelman, Simpson, Carpenter & Bürkner, Bayesian
Anal 2021, doi:10.1214/20-BA1221 (its abstract and rstan's help on these functions were read; the
formulas are from memory and agree with arviz, see tests/calibration/test_convergence.py).

Chains x (M, N) are cut in halves; ranks over all draws become normal numbers, Φ⁻¹((rank − 3/8) / (S + 1/4)).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

Array = NDArray[np.float64]


def r_hat(chains: Array) -> float:
    """√(var⁺ / W) of rank-normalised half chains, and of their distance from the median; the larger. About 1 is good.

    `chains` (M, N); var⁺ = (n − 1)/n W + B/n, W within and B between the 2M half chains of n draws.

    >>> rng = np.random.default_rng(1)
    >>> together = rng.standard_normal((4, 500))
    >>> apart = together + np.array([[0.0], [0.0], [0.0], [2.0]])
    >>> r_hat(together) < 1.01, r_hat(apart) > 1.2
    (True, True)
    """
    halves = _halves(chains)
    return max(_ratio(_normalised(halves)), _ratio(_normalised(np.abs(halves - np.median(halves)))))


def bulk_size(chains: Array) -> float:
    """How many independent draws the middle of the distribution is worth: what its mean and median are known by."""
    return _size(_normalised(_halves(chains)))


def tail_size(chains: Array) -> float:
    """The same for the tails: the lesser of those for "below the 5 % quantile" and "below the 95 % quantile"."""
    halves = _halves(chains)
    return min(_size((halves <= np.quantile(halves, level)).astype(np.float64)) for level in (0.05, 0.95))


def _halves(chains: Array) -> Array:
    half = chains.shape[1] // 2
    return np.concatenate([chains[:, :half], chains[:, -half:]])


def _normalised(chains: Array) -> Array:
    ranks = rankdata(chains, method="average").reshape(chains.shape)
    normal: Array = ndtri((ranks - 0.375) / (ranks.size + 0.25))
    return normal


def _variances(chains: Array) -> tuple[float, float]:
    """W, the mean variance within chains, and var⁺, that of all draws together."""
    count = chains.shape[1]
    within = float(chains.var(axis=1, ddof=1).mean())
    return within, within * (count - 1.0) / count + float(chains.mean(axis=1).var(ddof=1))


def _ratio(chains: Array) -> float:
    within, whole = _variances(chains)
    return float(np.sqrt(whole / within)) if within > 0.0 else np.inf


def _size(chains: Array) -> float:
    """M N / τ, τ = −1 + 2 Σ of pairs of autocorrelations, as long as they are positive and made to fall (Geyer).

    The autocorrelation of all chains is ρ_t = 1 − (W − mean of the chains' autocovariances at lag t) / var⁺.
    """
    length = chains.shape[1]
    within, whole = _variances(chains)
    if not whole > 0.0:
        return float(chains.size)  # a constant says nothing of how well it was sampled
    covariance = _autocovariance(chains).mean(axis=0) * length / (length - 1.0)
    correlation = 1.0 - (within - covariance) / whole
    correlation[0] = 1.0
    pairs = correlation[0 : 2 * (length // 2) : 2] + correlation[1 : 2 * (length // 2) : 2]
    negative = np.flatnonzero(pairs < 0.0)
    last = int(negative[0]) if negative.size else pairs.size
    falling = np.minimum.accumulate(pairs[:last])
    # The first even lag past the last pair, where it is positive, makes up for chains that alternate.
    tail = max(float(correlation[2 * last]), 0.0) if 2 * last < length else 0.0
    time = -1.0 + 2.0 * float(falling.sum()) + tail
    return chains.size / max(time, 1.0 / float(np.log10(chains.size)))


def _autocovariance(chains: Array) -> Array:
    """The autocovariance of each chain at every lag, (M, N), divided by N, by Fourier transform."""
    length = chains.shape[1]
    apart = chains - chains.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(apart, 2 * length, axis=1)
    covariance: Array = np.fft.irfft(np.abs(spectrum) ** 2, 2 * length, axis=1)[:, :length] / length
    return covariance
