"""How far a measurement lies from what a model says: error models of one output.

With prediction f and spread σ(f), a normal error has

    ln p(y | f) = −½ r² − ln σ − ½ ln 2π,   r = (y − f) / σ(f),

and a reading below a limit of quantification L contributes ln P(y < L | f) (method M3 of Beal, J Pharmacokinet
Pharmacodyn 2001, doi:10.1023/A:1012299115260, unverified). ``information`` is the Fisher information about f,
E[(∂ ln p / ∂f)²]: for a normal error 1/σ² + 2 σ′²/σ².
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pollux.errors import ModelError

Array = NDArray[np.float64]
_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))


class ErrorModel(Protocol):
    """The error of one output; every method works elementwise on arrays of any shape."""

    def log_density(self, y: ArrayLike, f: ArrayLike) -> Array:
        """ln p(y | f)."""

    def slope(self, y: ArrayLike, f: ArrayLike) -> Array:
        """∂ ln p(y | f) / ∂f."""

    def information(self, f: ArrayLike) -> Array:
        """What one reading tells about f: E[(∂ ln p / ∂f)²]."""

    def log_below(self, limit: ArrayLike, f: ArrayLike) -> Array:
        """ln P(y < limit | f)."""

    def log_below_slope(self, limit: ArrayLike, f: ArrayLike) -> Array:
        """∂ ln P(y < limit | f) / ∂f."""

    def draw(self, f: ArrayLike, rng: np.random.Generator) -> Array:
        """Readings around f."""


class Spread(Protocol):
    """A standard deviation as a function of the prediction."""

    def sd(self, f: ArrayLike) -> Array:
        """σ(f)."""

    def sd_slope(self, f: ArrayLike) -> Array:
        """dσ/df."""


def _array(value: ArrayLike) -> Array:
    return np.asarray(value, dtype=np.float64)


def _not_negative(**values: float) -> None:
    wrong = {name: v for name, v in values.items() if not (np.isfinite(v) and v >= 0)}
    if wrong or not any(values.values()):
        said = ", ".join(f"{name} = {v:g}" for name, v in (wrong or values).items())
        raise ModelError(f"an error model with {said}", advice="Spreads are finite, not negative, and not all zero.")


class _Normal:
    """Normal errors for whatever spread a class states."""

    def sd(self, f: ArrayLike) -> Array:
        raise NotImplementedError

    def sd_slope(self, f: ArrayLike) -> Array:
        raise NotImplementedError

    def log_density(self, y: ArrayLike, f: ArrayLike) -> Array:
        """−½ r² − ln σ − ½ ln 2π."""
        y, f = _array(y), _array(f)
        sd = self.sd(f)
        r = (y - f) / sd
        density: Array = -0.5 * r * r - np.log(sd) - _HALF_LOG_2PI
        return density

    def slope(self, y: ArrayLike, f: ArrayLike) -> Array:
        """(r + σ′ (r² − 1)) / σ."""
        y, f = _array(y), _array(f)
        sd = self.sd(f)
        r = (y - f) / sd
        slope: Array = (r + self.sd_slope(f) * (r * r - 1.0)) / sd
        return slope

    def information(self, f: ArrayLike) -> Array:
        """(1 + 2 σ′²) / σ²."""
        f = _array(f)
        told: Array = (1.0 + 2.0 * self.sd_slope(f) ** 2) / self.sd(f) ** 2
        return told

    def log_below(self, limit: ArrayLike, f: ArrayLike) -> Array:
        """Ln Φ((L − f) / σ)."""
        limit, f = _array(limit), _array(f)
        from scipy.special import log_ndtr

        below: Array = log_ndtr((limit - f) / self.sd(f))
        return below

    def log_below_slope(self, limit: ArrayLike, f: ArrayLike) -> Array:
        """−(φ/Φ)(w) (1 + w σ′) / σ with w = (L − f) / σ."""
        limit, f = _array(limit), _array(f)
        from scipy.special import log_ndtr

        sd = self.sd(f)
        w = (limit - f) / sd
        ratio = np.exp(-0.5 * w * w - _HALF_LOG_2PI - log_ndtr(w))
        slope: Array = -ratio * (1.0 + w * self.sd_slope(f)) / sd
        return slope

    def draw(self, f: ArrayLike, rng: np.random.Generator) -> Array:
        """F + σ(f) · standard normal."""
        f = _array(f)
        drawn: Array = f + self.sd(f) * rng.standard_normal(np.shape(f))
        return drawn


@dataclass(frozen=True)
class Additive(_Normal):
    """y = f + ε, ε ~ N(0, a²); ``a`` in the unit of the output.

    >>> round(float(Additive(2.0).log_density(3.0, 1.0)), 4)
    -2.1121
    """

    a: float

    def __post_init__(self) -> None:
        _not_negative(a=self.a)

    def sd(self, f: ArrayLike) -> Array:
        """A, whatever f is."""
        f = _array(f)
        return np.full_like(f, self.a)

    def sd_slope(self, f: ArrayLike) -> Array:
        """0."""
        f = _array(f)
        return np.zeros_like(f)


@dataclass(frozen=True)
class Proportional(_Normal):
    """y = f (1 + ε), ε ~ N(0, b²)."""

    b: float

    def __post_init__(self) -> None:
        _not_negative(b=self.b)

    def sd(self, f: ArrayLike) -> Array:
        """B |f|."""
        f = _array(f)
        return self.b * np.abs(f)

    def sd_slope(self, f: ArrayLike) -> Array:
        """± b."""
        f = _array(f)
        slope: Array = self.b * np.sign(f)
        return slope


@dataclass(frozen=True)
class Combined(_Normal):
    """Additive and proportional error: σ² = a² + b² f², or σ = a + b |f| where ``sum`` is "sd".

    Published tables seldom say which of the two they mean; a model that is coded both ways says so.

    >>> [round(float(Combined(3.0, 0.2, sum=how).sd(20.0)), 3) for how in ("variance", "sd")]
    [5.0, 7.0]
    """

    a: float
    b: float
    sum: Literal["variance", "sd"] = "variance"

    def __post_init__(self) -> None:
        _not_negative(a=self.a, b=self.b)

    def sd(self, f: ArrayLike) -> Array:
        """√(a² + b² f²), or a + b |f|."""
        f = _array(f)
        size = np.abs(f)
        both: Array = np.sqrt(self.a**2 + (self.b * size) ** 2) if self.sum == "variance" else self.a + self.b * size
        return both

    def sd_slope(self, f: ArrayLike) -> Array:
        """b² f / σ, or ± b."""
        f = _array(f)
        slope: Array = self.b**2 * f / self.sd(f) if self.sum == "variance" else self.b * np.sign(f)
        return slope


@dataclass(frozen=True)
class LogNormalError:
    """ln y = ln f + ε, ε ~ N(0, s²): both must be positive."""

    s: float

    def __post_init__(self) -> None:
        _not_negative(s=self.s)

    def _residual(self, y: ArrayLike, f: ArrayLike) -> Array:
        with np.errstate(all="ignore"):
            r: Array = (np.log(y) - np.log(f)) / self.s
        return r

    def log_density(self, y: ArrayLike, f: ArrayLike) -> Array:
        """−½ r² − ln (s y) − ½ ln 2π, r = ln(y/f) / s."""
        y, f = _array(y), _array(f)
        with np.errstate(all="ignore"):
            density: Array = -0.5 * self._residual(y, f) ** 2 - np.log(self.s * y) - _HALF_LOG_2PI
        return np.where(np.isnan(density), -np.inf, density)

    def slope(self, y: ArrayLike, f: ArrayLike) -> Array:
        """R / (s f)."""
        y, f = _array(y), _array(f)
        slope: Array = self._residual(y, f) / (self.s * f)
        return slope

    def information(self, f: ArrayLike) -> Array:
        """1 / (s f)²."""
        f = _array(f)
        told: Array = 1.0 / (self.s * f) ** 2
        return told

    def log_below(self, limit: ArrayLike, f: ArrayLike) -> Array:
        """Ln Φ(ln(L/f) / s)."""
        limit, f = _array(limit), _array(f)
        from scipy.special import log_ndtr

        below: Array = log_ndtr(self._residual(limit, f))
        return below

    def log_below_slope(self, limit: ArrayLike, f: ArrayLike) -> Array:
        """−(φ/Φ)(w) / (s f)."""
        limit, f = _array(limit), _array(f)
        from scipy.special import log_ndtr

        w = self._residual(limit, f)
        slope: Array = -np.exp(-0.5 * w * w - _HALF_LOG_2PI - log_ndtr(w)) / (self.s * f)
        return slope

    def draw(self, f: ArrayLike, rng: np.random.Generator) -> Array:
        """F · exp(s · standard normal)."""
        f = _array(f)
        drawn: Array = f * np.exp(self.s * rng.standard_normal(np.shape(f)))
        return drawn


@dataclass(frozen=True)
class StudentT:
    """y = f + σ(f) τ, τ ~ t with ``degrees`` of freedom: outlying readings pull less.

    ``of`` states the spread, as in ``StudentT(Combined(0.2, 0.1), degrees=4)``.
    """

    of: Spread
    degrees: float

    def __post_init__(self) -> None:
        _not_negative(degrees=self.degrees)

    def log_density(self, y: ArrayLike, f: ArrayLike) -> Array:
        """Ln t_ν(r) − ln σ."""
        y, f = _array(y), _array(f)
        from scipy.special import gammaln

        nu, sd = self.degrees, self.of.sd(f)
        r = (y - f) / sd
        norm = float(gammaln(0.5 * (nu + 1.0)) - gammaln(0.5 * nu)) - 0.5 * float(np.log(nu * np.pi))
        density: Array = norm - np.log(sd) - 0.5 * (nu + 1.0) * np.log1p(r * r / nu)
        return density

    def slope(self, y: ArrayLike, f: ArrayLike) -> Array:
        """(w r + σ′ (w r² − 1)) / σ with weight w = (ν + 1) / (ν + r²)."""
        y, f = _array(y), _array(f)
        sd = self.of.sd(f)
        r = (y - f) / sd
        w = (self.degrees + 1.0) / (self.degrees + r * r)
        slope: Array = (w * r + self.of.sd_slope(f) * (w * r * r - 1.0)) / sd
        return slope

    def information(self, f: ArrayLike) -> Array:
        """((ν + 1) + 2 ν σ′²) / ((ν + 3) σ²)."""
        f = _array(f)
        nu = self.degrees
        told: Array = ((nu + 1.0) + 2.0 * nu * self.of.sd_slope(f) ** 2) / ((nu + 3.0) * self.of.sd(f) ** 2)
        return told

    def log_below(self, limit: ArrayLike, f: ArrayLike) -> Array:
        """Ln T_ν((L − f) / σ)."""
        limit, f = _array(limit), _array(f)
        from scipy.stats import t

        below: Array = t.logcdf((limit - f) / self.of.sd(f), self.degrees)
        return below

    def log_below_slope(self, limit: ArrayLike, f: ArrayLike) -> Array:
        """−(t/T)(w) (1 + w σ′) / σ."""
        limit, f = _array(limit), _array(f)
        from scipy.stats import t

        sd = self.of.sd(f)
        w = (limit - f) / sd
        ratio = np.exp(t.logpdf(w, self.degrees) - t.logcdf(w, self.degrees))
        slope: Array = -ratio * (1.0 + w * self.of.sd_slope(f)) / sd
        return slope

    def draw(self, f: ArrayLike, rng: np.random.Generator) -> Array:
        """F + σ(f) · t_ν."""
        f = _array(f)
        drawn: Array = f + self.of.sd(f) * rng.standard_t(self.degrees, np.shape(f))
        return drawn
