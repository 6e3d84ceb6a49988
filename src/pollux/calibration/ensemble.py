"""An ensemble filter: state and slow parameters, tracked reading by reading.

Members are weighted equally. A reading moves the ensemble's mean by the Kalman gain of the sample covariances and
shrinks its spread without adding random numbers (the serial square-root filter of Whitaker & Hamill, Mon Weather Rev
2002, doi:10.1175/1520-0493(2002)130<1913:EDAWPO>2.0.CO;2). Small ensembles lose spread in what they hardly observe; the
spread of slow parameters is given back by relaxation (Whitaker & Hamill, Mon Weather Rev 2012,
doi:10.1175/MWR-D-11-00276.1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pollux.kernel.simulation import in_threads

Array = NDArray[np.float64]


@dataclass(frozen=True)
class UpdateInfo:
    """How one reading fitted: the innovation in its own unit and in expected standard deviations."""

    innovation: float
    expected_sd: float

    @property
    def standardised(self) -> float:
        """Innovation over its expected spread; beyond ±4 something happened that the model does not know."""
        return self.innovation / self.expected_sd


def assimilate(
    members: Array,
    predicted: Array,
    reading: float,
    variance: float,
    *,
    slow: slice = slice(0, 0),
    relaxation: float = 0.0,
) -> tuple[Array, UpdateInfo]:
    """Condition an ensemble on one scalar reading.

    `members` (n, V), `predicted` (n,) what each member expected to read, `variance` of the reading's own white error.
    The spread of the columns `slow` is relaxed by the share `relaxation` to what it was.

    >>> rng = np.random.default_rng(1)
    >>> prior = rng.normal(0.0, 2.0, (2000, 1))
    >>> posterior, info = assimilate(prior, prior[:, 0], 1.0, 4.0)
    >>> bool(abs(posterior.mean() - 0.5) < 0.05), bool(abs(posterior.std() - 2**0.5) < 0.05)
    (True, True)
    """
    many, (info,) = assimilate_many(
        members[None], predicted[None], np.array([reading]), np.array([variance]), slow=slow, relaxation=relaxation
    )
    return many[0], info


def assimilate_many(
    members: Array,
    predicted: Array,
    readings: Array,
    variances: Array,
    *,
    slow: slice = slice(0, 0),
    relaxation: float = 0.0,
    threads: int = 1,
) -> tuple[Array, tuple[UpdateInfo, ...]]:
    """The same for many twins, each with a reading of its own: the same bits as one by one, in any number of threads.

    `members` (T, n, V), `predicted` (T, n), `readings` and `variances` (T,).
    """
    from pollux.calibration.conditioning import condition

    before, expected = (np.ascontiguousarray(a, dtype=np.float64) for a in (members, predicted))
    read, error = (np.ascontiguousarray(a, dtype=np.float64) for a in (readings, variances))
    after, innovation, sd = np.empty_like(before), np.empty(len(read)), np.empty(len(read))
    first, last, _ = slow.indices(before.shape[2])

    def condition_some(some: int, others: int) -> None:
        condition(some, others, before, expected, read, error, first, last, relaxation, after, innovation, sd)

    in_threads(condition_some, len(read), threads)
    told = zip(innovation.tolist(), sd.tolist(), strict=True)
    return after, tuple(UpdateInfo(off, spread) for off, spread in told)
