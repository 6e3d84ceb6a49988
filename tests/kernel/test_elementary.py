"""exp, log, tanh and their kin in the generated code, against fifty digits of mpmath."""

from collections.abc import Callable
from types import ModuleType

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from pollux.kernel.generated import load
from pollux.kernel.writing import HEADER

Array = NDArray[np.float64]
NAMES = ("exp", "expm1", "log", "log1p", "tanh", "sin", "cos")


def _source() -> str:
    loops = [
        f"@njit(**FAST)\ndef many_{name}(x, result):\n    for i in range(x.size):\n        result[i] = _{name}(x[i])\n"
        for name in NAMES
    ]
    power = (
        "@njit(**FAST)\ndef many_pow(x, y, result):\n    for i in range(x.size):\n"
        "        result[i] = _pow(x[i], y[i])\n"
    )
    return HEADER + "\n\n".join([*loops, power])


@pytest.fixture(scope="module")
def code() -> ModuleType:
    return load("elementary_check", "3", _source)


def _call(code: ModuleType, name: str, *arguments: Array) -> Array:
    result = np.empty_like(arguments[0])
    getattr(code, f"many_{name}")(*arguments, result)
    return result


def _ulps(computed: Array, exact: Callable[[float], mpmath.mpf], x: Array) -> float:
    worst = 0.0
    with mpmath.workdps(50):
        for value, argument in zip(computed, x, strict=True):
            truth = exact(float(argument))
            spacing = mpmath.mpf(float(np.spacing(abs(float(truth)))))
            worst = max(worst, float(abs(mpmath.mpf(float(value)) - truth) / spacing))
    return worst


_RNG = np.random.default_rng(20)
_TINY = np.concatenate([s * 10.0 ** _RNG.uniform(-300, 0, 800) for s in (1.0, -1.0)])
_QUARTERS = np.round(np.pi / 2 * np.concatenate([np.arange(-400, 400), 2.0 ** _RNG.uniform(8, 49, 800)]), 12)
_ANGLES = np.concatenate(
    [_RNG.uniform(-10, 10, 3000), _TINY, *(s * 2.0 ** _RNG.uniform(-5, 50, 1500) for s in (1, -1))]
)
_TURNS = np.concatenate([_ANGLES, _QUARTERS, np.nextafter(_QUARTERS, 0.0)])
RANGES = {
    "exp": np.concatenate([_RNG.uniform(-708, 709, 3000), _RNG.uniform(-1, 1, 1500), _TINY]),
    "expm1": np.concatenate([_RNG.uniform(-60, 709, 2000), _RNG.uniform(-1, 1, 3000), _TINY]),
    "log": np.concatenate([10.0 ** _RNG.uniform(-307, 308, 3000), _RNG.uniform(0.5, 2, 3000), 1 + _TINY[:800] * 0.1]),
    "log1p": np.concatenate([_RNG.uniform(-0.9, 3, 3000), _TINY * 0.9, 10.0 ** _RNG.uniform(0, 300, 500)]),
    "sin": _TURNS,
    "cos": _TURNS,
    "tanh": np.concatenate([_RNG.uniform(-3, 3, 4000), _RNG.uniform(-25, 25, 500), _TINY]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_is_exact_to_two_units_in_the_last_place(code: ModuleType, name: str) -> None:
    x = RANGES[name]
    assert _ulps(_call(code, name, x), getattr(mpmath, name), x) <= 2.0


@pytest.mark.parametrize("name", NAMES)
def test_treats_the_ends_of_the_number_line_as_numpy_does(code: ModuleType, name: str) -> None:
    x = np.array([0.0, np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324, 800.0, -800.0, -1.0, 1.0])
    if name in ("sin", "cos"):
        x = x[~(np.abs(x) == 1e308)]  # where neighbouring numbers are whole turns apart, they say so
        assert np.isnan(_call(code, name, np.array([1e308, -1e16, 2.0**50]))).all()
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    np.testing.assert_allclose(_call(code, name, x), expected, rtol=4e-16)


def test_a_power_is_right_to_1e_14(code: ModuleType) -> None:
    rng = np.random.default_rng(21)
    x = np.concatenate([10.0 ** rng.uniform(-100, 100, 2000), rng.uniform(0.5, 2.0, 2000)])
    y = np.concatenate([rng.uniform(-2.9, 2.9, 2000), rng.uniform(-900, 900, 2000)])
    computed = _call(code, "pow", x, y)
    with mpmath.workdps(50):
        for value, base, exponent in zip(computed, x, y, strict=True):
            truth = mpmath.power(mpmath.mpf(float(base)), mpmath.mpf(float(exponent)))
            assert abs(mpmath.mpf(float(value)) / truth - 1) <= 1e-14


def test_a_power_treats_zero_sign_and_infinity_as_numpy_does(code: ModuleType) -> None:
    values = np.array([0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, np.inf, -np.inf, np.nan, 1e300, 5e-324])
    x, y = (grid.ravel() for grid in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        expected = np.abs(np.power(x, y))
    np.testing.assert_allclose(np.abs(_call(code, "pow", x, y)), expected, rtol=1e-14)
    ordinary = np.isfinite(x) & np.isfinite(y) & (x != 0)
    with np.errstate(all="ignore"):
        signed = np.power(x[ordinary], y[ordinary])
    np.testing.assert_allclose(_call(code, "pow", x[ordinary], y[ordinary]), signed, rtol=1e-14)
