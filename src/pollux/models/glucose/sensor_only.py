"""Glucose of a person of whom only the sensor is known: nobody logged what they ate, took or did.

    reading = usual + g + m + Σ_j c_j + e
    dg/dt = (d − g) / τ_g                       the excursion follows its drive
    dd/dt = (b_r − d) / τ_d + white noise_r      what drives it: meals, insulin, exercise, unseen
    dm/dt = −m / τ_m + white noise               days that run high or low
    c_j turns once in 24 h / j, slowly changing  the habits of the day

The drive is what nobody told us. Two hypotheses about it stand side by side: **steady**, where it is as lively at all
times, and **switching**, where a person is either quiet or active; when active the drive is livelier and pushed
upwards (food) by b, when quiet it is pushed downwards so that on average nothing is added. An odd reading (pressure on
the sensor at night, a calibration jump) belongs to the second kind of error.

The rhythm needs no clock: each harmonic is a damped rotation whose phase is learned.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pollux.equations import (
    Domain,
    Fixed,
    LogitNormal,
    LogNormal,
    Normal,
    Parameter,
    Reference,
    State,
)
from pollux.equations.linear import LinearModel, LinearSystem

Array = NDArray[np.float64]

OWN = Reference("Pollux's own choice, wide enough for people with and without diabetes", verified=False)
IMM = Reference(
    "Blom HAP, Bar-Shalom Y. The interacting multiple model algorithm for systems with Markovian switching "
    "coefficients. IEEE Trans Automat Contr 1988;33:780-783",
    doi="10.1109/9.1299",
    verified=False,
)
DAY = 1440.0  # min
HARMONICS = 3

_COMMON = (
    Parameter("usual", "mg/dL", "glucose around which everything moves", LogNormal(140.0, 0.35), OWN),
    Parameter("tau_g", "min", "glucose follows its drive", LogNormal(120.0, 0.7), OWN),
    Parameter("tau_d", "min", "the drive lasts", LogNormal(25.0, 0.6), OWN),
    Parameter("spread_g", "mg/dL", "excursions, one standard deviation", LogNormal(40.0, 0.6), OWN),
    Parameter("tau_m", "min", "high and low days last", LogNormal(DAY, 0.5), OWN),
    Parameter("spread_m", "mg/dL", "high and low days, one standard deviation", LogNormal(15.0, 0.7), OWN),
    Parameter("spread_c", "mg/dL", "first harmonic of the day, one standard deviation", LogNormal(8.0, 0.7), OWN),
    Parameter("tau_c", "min", "habits of the day last", Fixed(14.0 * DAY), OWN),
    Parameter("noise", "mg/dL", "white error of a clear reading", LogNormal(2.0, 0.7), OWN),
)
_SWITCHING = (
    Parameter(
        "livelier", "1", "the drive when active over when quiet, as a ratio of spreads", LogNormal(4.0, 0.5), OWN
    ),
    Parameter("quiet_lasts", "min", "mean stretch of quiet", LogNormal(120.0, 0.6), OWN),
    Parameter("active_lasts", "min", "mean stretch of activity", LogNormal(40.0, 0.5), OWN),
    Parameter("push", "mg/dL", "where activity drives glucose above quiet", Normal(0.0, 20.0), OWN),
    Parameter("odd_share", "1", "part of readings that are odd", LogitNormal(0.0, 0.1, median=0.01, sd=0.8), OWN),
    Parameter("odd_noise", "mg/dL", "error of an odd reading", LogNormal(10.0, 0.6), OWN),
)


@cache
def sensor_only(*, switching: bool, harmonics: int = HARMONICS) -> LinearModel:
    """The model under one hypothesis about the drive, with so many harmonics of the day.

    >>> sensor_only(switching=True).state_names[:4]
    ('g', 'd', 'm', 'c1')
    """
    rhythm = [
        State(f"{part}{j}", "mg/dL", f"habits of the day, {j} a day, {said}")
        for j in range(1, harmonics + 1)
        for part, said in (("c", "now"), ("s", "a quarter turn on"))
    ]
    states = (
        State("g", "mg/dL", "excursion of glucose"),
        State("d", "mg/dL", "drive: where the excursion is heading"),
        State("m", "mg/dL", "this day above or below the usual"),
        *rhythm,
    )
    return LinearModel(
        name=f"sensor-only-{'switching' if switching else 'steady'}",
        version="1",
        title="Glucose known from a sensor alone, " + ("quiet or active" if switching else "steadily disturbed"),
        states=states,
        parameters=_COMMON + (_SWITCHING if switching else ()),
        system=lambda p: _system(p, switching, harmonics),
        domain=Domain(),
        references=(IMM,),
    )


def _system(p: Any, switching: bool, harmonics: int) -> LinearSystem:
    size = 3 + 2 * harmonics
    drift, start, moved = np.zeros((size, size)), np.zeros((size, size)), np.zeros((size, size))
    drift[0, 0], drift[0, 1], drift[1, 1], drift[2, 2] = -1 / p.tau_g, 1 / p.tau_g, -1 / p.tau_d, -1 / p.tau_m
    # Stationary covariance of (g, d): cov(g, d) = var(g) and var(d) = var(g) (τ_g + τ_d) / τ_d.
    var_g, var_d = p.spread_g**2, p.spread_g**2 * (p.tau_g + p.tau_d) / p.tau_d
    start[:2, :2] = [[var_g, var_g], [var_g, var_d]]
    start[2, 2] = p.spread_m**2
    moved[2, 2] = 2 * p.spread_m**2 / p.tau_m
    for j in range(1, harmonics + 1):
        c, s = 2 * j + 1, 2 * j + 2
        turn, variance = 2 * np.pi * j / DAY, p.spread_c**2 / j
        drift[c, c] = drift[s, s] = -1 / p.tau_c
        drift[c, s], drift[s, c] = turn, -turn
        start[c, c] = start[s, s] = variance
        moved[c, c] = moved[s, s] = 2 * variance / p.tau_c
    observed = np.zeros(size)
    observed[[0, 2, *range(3, size, 2)]] = 1.0
    lively, push, chain = _regimes(p) if switching else (np.ones(1), np.zeros(1), np.zeros((1, 1)))
    diffusion = np.repeat(moved[None], len(lively), axis=0)
    diffusion[:, 1, 1] = lively * 2 * var_d / p.tau_d
    pushes = np.zeros((len(lively), size))
    pushes[:, 1] = push / p.tau_d
    return LinearSystem(
        drift=drift,
        push=pushes,
        diffusion=diffusion,
        switching=chain,
        start=start,
        level=p.usual,
        observed=observed,
        noise_sd=np.array([p.noise, np.hypot(p.noise, p.odd_noise)]) if switching else np.array([p.noise]),
        noise_share=np.array([1 - p.odd_share, p.odd_share]) if switching else np.ones(1),
    )


def _regimes(p: Any) -> tuple[Array, Array, Array]:
    """Quiet and active: the drive's intensity (1 on average), its push [mg/dL] (0 on average), how they alternate."""
    active = p.active_lasts / (p.active_lasts + p.quiet_lasts)
    loud = 1.0 / (active + (1 - active) / p.livelier**2)
    intensity = np.array([loud / p.livelier**2, loud])
    push = p.push * np.array([-active, 1 - active])
    chain = np.array([[-1 / p.quiet_lasts, 1 / p.quiet_lasts], [1 / p.active_lasts, -1 / p.active_lasts]])
    return intensity, push, chain
