"""Pollux's own studies of itself: not published numbers, but laws that a calibrated model must keep."""

from functools import cache

import numpy as np

from pollux.calibration.rehearsal import Trial, rehearse
from pollux.evidence.claim import Claim
from pollux.models.glucose.minimal import MINIMAL

OWN = "Pollux's own study (simulate, then calibrate: Talts et al. 2018, arXiv:1804.06788)"
TRUTHS = 40  # the tests take 100, `make soak` 400


def claims() -> list[Claim]:
    """Coverage and bias of the calibrated oral minimal model on truths from its own prior."""
    return [
        Claim(
            "90 % intervals of informed parameters hold the truth: share",
            OWN, 0.90, 0.05, covered, MINIMAL.name, f"{TRUTHS} truths, all informed parameters pooled",
        ),
        Claim(
            "standardised errors of the slow parameters have mean zero: root mean square of the means",
            OWN, 0.0, 0.35, bias, MINIMAL.name, f"{TRUTHS} truths; one standard error of a mean is {TRUTHS**-0.5:.2f}",
        ),
    ]  # fmt: skip


@cache
def _trials() -> tuple[Trial, ...]:
    return tuple(rehearse(TRUTHS, seed=2026))


def covered() -> float:
    """The share of covered truths among the parameters that each fit called informed."""
    inside = np.concatenate([trial.covered[trial.informed] for trial in _trials()])
    return float(inside.mean())


def bias() -> float:
    """The root mean square over parameters of the mean standardised error."""
    errors = np.array([(trial.truth - trial.mean) / trial.sd for trial in _trials()])
    return float(np.sqrt(np.mean(errors.mean(axis=0) ** 2)))
