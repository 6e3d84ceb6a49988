"""The No-U-Turn sampler, as the reference that the fast methods are held to: slow, and right where it says so.

Hamiltonian Monte Carlo that chooses its own path lengths and step (Hoffman & Gelman, J Mach Learn Res 2014,
arXiv:1111.4246, *unverified*), as nutpie implements it, on the gradient that the kernel makes. It needs the extra
`pollux[nuts]`. There is no `init` and `step`: nutpie keeps the state to itself.

With a Laplace fit as `start` the sampler works on y = L⁻¹(z − m), LLᵀ the fit's covariance, in which most posteriors
are nearly round; the posterior that it samples is the same.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.convergence import bulk_size, r_hat, tail_size
from pollux.calibration.density import Density
from pollux.calibration.draws import Draws
from pollux.calibration.laplace import Gaussian
from pollux.calibration.student import StudentT
from pollux.errors import ModelError, PolluxError

Array = NDArray[np.float64]

CHAINS, DRAWS, TUNING = 4, 1000, 500
TRIES = 100  # for a point to begin at
WIDER = 1.5  # chains begin at draws from the start with its standard deviations times this
# Vehtari et al. 2021 ask for R̂ below 1.01 and, as rstan's help says, 100 effective draws for each chain.
GOOD_R_HAT, GOOD_SIZE = 1.01, 100.0


@dataclass(frozen=True)
class Info:
    """How the chains went, for people: R̂, bulk and tail effective sizes (P,) each, and what the sampler met.

    `divergences` counts draws whose path broke off, `cut_short` those whose path was as long as is allowed, `gradients`
    the evaluations, tuning included.
    """

    r_hat: Array
    bulk: Array
    tail: Array
    chains: int
    divergences: int
    cut_short: int
    gradients: int

    @property
    def effective(self) -> Array:
        """The lesser of bulk and tail, (P,)."""
        return np.minimum(self.bulk, self.tail)

    @property
    def advice(self) -> str:
        """What a person should make of it; nothing where all is well."""
        told = []
        if float(self.r_hat.max()) > GOOD_R_HAT:
            told.append(f"The chains disagree (R̂ {self.r_hat.max():.3f}): use no number of this before they agree.")
        if float(self.effective.min()) < GOOD_SIZE * self.chains:
            told.append(f"Only {self.effective.min():.0f} effective draws: ask for more draws.")
        if self.divergences:
            told.append(
                f"{self.divergences} paths broke off: where they did, the posterior is too narrow or cannot be run, "
                "and its corners may be missed. Raise `accept` towards 0.99."
            )
        if self.cut_short:
            told.append(f"{self.cut_short} paths were cut short: give a Laplace fit as start.")
        return " ".join(told)


def sample(
    density: Density,
    rng: np.random.Generator,
    *,
    draws: int = DRAWS,
    tuning: int = TUNING,
    chains: int = CHAINS,
    start: Gaussian | None = None,
    accept: float = 0.8,
) -> tuple[Draws, Info]:
    """The posterior as `chains` times `draws` equal draws, chain after chain, and how the chains went.

    `accept` is the mean acceptance that the step is tuned for. The same generator gives the same draws. Chains run one
    after the other: the density is Python, of which only one can run at a time.
    """
    nutpie = _nutpie()
    bell = StudentT.around(start or density.prior)
    seed, begin_seed = (int(s) for s in rng.integers(0, 2**63, 2))
    value, failures = _standardised(density, bell)
    size = len(density.names)
    model = nutpie.compiled_pyfunc.from_pyfunc(
        size, lambda: value, lambda *seeds: lambda y: {"y": y}, [np.dtype(np.float64)], [(size,)], ["y"],
        make_initial_point_fn=_beginning(value, size, begin_seed),
    )  # fmt: skip
    try:
        trace = nutpie.sample(
            model, draws=draws, tune=tuning, chains=chains, cores=1, seed=seed, target_accept=accept,
            progress_bar=False, return_raw_trace=True,
        )  # fmt: skip
    except Exception as error:
        if failures:
            raise failures[0] from error
        raise ModelError(
            "NUTS could not begin: no point was found at which the model runs", advice="Give a Laplace fit as start."
        ) from error
    if failures:
        raise failures[0]
    y, told = _unpacked(trace, size, tuning)
    z = bell.place(y.reshape(-1, size))
    columns = [z[:, i].reshape(chains, draws) for i in range(size)]
    agree, bulk, tail = (np.array([measure(column) for column in columns]) for measure in (r_hat, bulk_size, tail_size))
    return Draws.equal(density.names, z), Info(agree, bulk, tail, chains, *told)


def _standardised(density: Density, bell: StudentT) -> tuple[Callable[[Array], tuple[float, Array]], list[Exception]]:
    """The log posterior of y and its gradient, and a list that takes the first exception: nutpie survives none."""
    failures: list[Exception] = []
    nowhere = -np.inf, np.zeros(bell.mean.size)

    def value(y: Array) -> tuple[float, Array]:
        if failures:
            return nowhere
        try:
            level, gradient = density.value_and_gradient(bell.place(y))
        except Exception as error:
            failures.append(error)
            return nowhere
        if not (np.isfinite(level) and np.all(np.isfinite(gradient))):
            return nowhere
        return float(level), np.ascontiguousarray(gradient @ bell.lower)

    return value, failures


def _beginning(value: Callable[[Array], tuple[float, Array]], size: int, seed: int) -> Callable[[int], Array]:
    """Where a chain begins, by its seed: a draw, wider than the start, at which the model can be run."""

    def begin(chain: int) -> Array:
        rng = np.random.Generator(np.random.Philox(key=np.array([seed, chain], dtype=np.uint64)))
        for _ in range(TRIES):
            y = WIDER * rng.standard_normal(size)
            if value(y)[0] > -np.inf:
                return y
        raise ModelError("no point to begin at")

    return begin


def _unpacked(trace: Any, size: int, tuning: int) -> tuple[Array, tuple[int, int, int]]:
    """Draws after tuning (chains, draws, P), and how many paths broke off, were cut short, and what all cost."""
    y, broken, cut, gradients = [], 0, 0, 0
    for batch, told in zip(*trace.get_arrow_trace(), strict=True):
        values = _column(batch, "y").flatten()
        y.append(np.asarray(values.to_numpy(zero_copy_only=False)).reshape(-1, size)[tuning:])
        diverging, deepest, steps = (
            np.asarray(_column(told, name).to_numpy(zero_copy_only=False))
            for name in ("diverging", "maxdepth_reached", "n_steps")
        )
        broken += int(diverging[tuning:].sum())
        cut += int(deepest[tuning:].sum())
        gradients += int(steps.sum())
    return np.stack(y), (broken, cut, gradients)


def _column(batch: Any, name: str) -> Any:
    return import_module("pyarrow").array(batch.column(name))  # nutpie brings it


def _nutpie() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # arviz, which nutpie loads, speaks of its own plans
            import_module("nutpie.compiled_pyfunc")
            return import_module("nutpie")
    except ImportError as error:
        raise PolluxError(
            "NUTS needs the package nutpie, which is not installed", advice="Install it: pip install 'pollux[nuts]'."
        ) from error
