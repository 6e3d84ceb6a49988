"""A linear model on a clock of equal steps, exactly, and what it says of readings some steps ahead.

Over a step Δ, x → Φ x + b_r + w, with Φ = e^{AΔ}, b_r = ∫ e^{As} u_r ds, cov(w) = ∫ e^{As} D_r e^{Aᵀs} ds (Van Loan,
IEEE Trans Automat Contr 1978, doi:10.1109/TAC.1978.1101743, *unverified*); the regime is taken to hold for a whole
step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from pollux.equations.linear import LinearModel, LinearSystem

Array = NDArray[np.float64]

STEP = 5.0  # min: the interval of most sensors


@dataclass(frozen=True)
class Slots:
    """One or several parameter draws (N) of a linear model over one step; S states, M regimes, K kinds of reading.

    `move` Φ (N, S, S), `push` (N, M, S), `noise` (N, M, S, S), `chain` (N, M, M) the regimes' transition probabilities,
    `share` (N, M) their long-run share, `start` (N, S, S), `level` (N,), `observed` (N, S), `error` (N, K) variances
    and `error_share` (N, K).
    """

    move: Array
    push: Array
    noise: Array
    chain: Array
    share: Array
    start: Array
    level: Array
    observed: Array
    error: Array
    error_share: Array


@dataclass(frozen=True)
class Ahead:
    """A reading h steps on, seen from regime m now: N(level + look·x + push_m, look·P·look + noise_m + error).

    For J horizons: `look` (N, J, S), `push` and `noise` (N, J, M), `error` (N,).
    """

    look: Array
    push: Array
    noise: Array
    error: Array


def discretise(model: LinearModel, z: Array, step: float = STEP) -> Slots:
    """The model over one step for each row of `z` (N, P)."""
    systems = [model.at(row) for row in z]
    moved = [_over_a_step(system, step) for system in systems]
    return Slots(
        move=np.stack([m[0] for m in moved]),
        push=np.stack([m[1] for m in moved]),
        noise=np.stack([m[2] for m in moved]),
        chain=np.stack([expm(s.switching * step) for s in systems]),
        share=np.stack([s.regime_share for s in systems]),
        start=np.stack([s.start for s in systems]),
        level=np.array([s.level for s in systems]),
        observed=np.stack([s.observed for s in systems]),
        error=np.stack([s.noise_sd**2 for s in systems]),
        error_share=np.stack([s.noise_share for s in systems]),
    )


def _over_a_step(system: LinearSystem, step: float) -> tuple[Array, Array, Array]:
    size = len(system.drift)
    whole = np.zeros((len(system.push), 2 * size + 1, 2 * size + 1))
    whole[:, :size, :size] = -system.drift
    whole[:, :size, size:-1] = system.diffusion
    whole[:, size:-1, size:-1] = system.drift.T
    # One more row integrates the push: (e^{AᵀΔ} … ∫ e^{Aᵀs} ds u) in the last row, transposed.
    whole[:, -1, size:-1] = system.push
    result = expm(whole * step)
    move = np.ascontiguousarray(result[0, size:-1, size:-1].T)
    move[system.drift == 0.0] *= np.abs(move[system.drift == 0.0]) > 1e-14  # rounding where nothing flows
    noise = move @ result[:, :size, size:-1]
    return move, result[:, -1, size:-1], 0.5 * (noise + noise.transpose(0, 2, 1))


def look_ahead(slots: Slots, steps: Sequence[int]) -> Ahead:
    """What readings `steps` steps on look like, by recursion over the steps between."""
    draws, regimes, _ = slots.push.shape
    look, push, noise = [slots.observed], [np.zeros((draws, regimes))], [np.zeros((draws, regimes))]
    for _ in range(max(steps)):
        c = look[-1]
        added = np.einsum("ni,nmi->nm", c, slots.push) + push[-1]
        spread = np.einsum("ni,nmij,nj->nm", c, slots.noise, c) + noise[-1]
        push.append(np.einsum("nml,nl->nm", slots.chain, added))
        noise.append(np.einsum("nml,nl->nm", slots.chain, spread))
        look.append(np.einsum("ni,nij->nj", c, slots.move))
    error = (slots.error * slots.error_share).sum(axis=1)
    chosen = list(steps)
    looks, pushes, noises = (np.ascontiguousarray(np.stack(v, axis=1)[:, chosen]) for v in (look, push, noise))
    return Ahead(looks, pushes, noises, error)
