"""exp, log, tanh, sin, cos and power as plain arithmetic, so that they run in SIMD lanes.

The source below is copied into every generated file (numba's disk cache does not notice changes in other files). A
product and a sum may be contracted, as in all generated code; ``_fma`` is written out where they must be. Accuracy
against mpmath (tests/kernel/test_elementary.py): exp, log, expm1, log1p, tanh, sin, cos ≤ 2 ulp, power ≤ 1e-14
relative.

Method: exp by reduction to |r| ≤ ln 2 / 2 and the Taylor series of degree 13; log by ``log(1 + f) = 2 atanh(f / (2 +
f))`` on the mantissa in [√½, √2); tanh by expm1; power by a logarithm of twice the precision; sin and cos by reduction
to |r| ≤ π/4 with π/2 in three parts (the first fused product is exact) and Taylor series. From |x| = 2⁵⁰ on, where
neighbouring numbers are a quarter of a radian apart and more, sin and cos are NaN.
"""

import math
from fractions import Fraction

# ln 2 in two parts; the first has 20 trailing zero bits, so that n · LN2_HIGH is exact for |n| < 2^20
_LN2 = Fraction("0.693147180559945309417232121458176568075500134360255254120680009493393621969694715605863326996418687")
_LN2_HIGH = Fraction(int(_LN2 * 2**33), 2**33)
_LN2_LOW = _LN2 - _LN2_HIGH
# π/2 as the sum of three floats
_QUARTER = (
    Fraction("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")
    / 2
)
_QUARTERS = [float(_QUARTER)]
_QUARTERS.append(float(_QUARTER - Fraction(_QUARTERS[0])))
_QUARTERS.append(float(_QUARTER - Fraction(_QUARTERS[0]) - Fraction(_QUARTERS[1])))


def _horner(variable: str, coefficients: list[float]) -> str:
    """Nested fused multiply-adds, lowest power first."""
    text = repr(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        text = f"_fma({text}, {variable}, {c!r})"
    return text


def _paired(variable: str, square: str, coefficients: list[float]) -> str:
    """The same polynomial in pairs: shorter chains, so that the processor can overlap them."""
    pairs = [
        f"_fma({coefficients[i + 1]!r}, {variable}, {coefficients[i]!r})"
        if i + 1 < len(coefficients)
        else repr(coefficients[i])
        for i in range(0, len(coefficients), 2)
    ]
    text = pairs[-1]
    for pair in reversed(pairs[:-1]):
        text = f"_fma({text}, {square}, {pair})"
    return text


_EXP_TAIL = _paired("r", "r2", [1.0 / math.factorial(k) for k in range(2, 14)])
_SIN_TAIL = _paired("z", "z2", [(-1.0) ** k / math.factorial(2 * k + 1) for k in range(1, 9)])
_COS_TAIL = _paired("z", "z2", [(-1.0) ** k / math.factorial(2 * k) for k in range(2, 10)])
_LOG_TAIL = _horner("z", [2.0 / (2 * k + 1) for k in range(1, 12)])

SOURCE = f"""
@inlined
def _exp(x):
    y = x if x < 710.0 else 710.0
    y = y if y > -746.0 else -746.0
    shifted = _fma(y, {1 / math.log(2)!r}, 6755399441055744.0)
    n = shifted - 6755399441055744.0
    k = _bits(shifted) - _bits(6755399441055744.0)
    r = _fma(n, {-float(_LN2_LOW)!r}, _fma(n, {-float(_LN2_HIGH)!r}, y))
    r2 = r * r
    value = 1.0 + _fma(r2, {_EXP_TAIL}, r)
    half = k >> 1
    value = value * _float((half + 1023) << 52) * _float((k - half + 1023) << 52)
    return value if x == x else x


@inlined
def _expm1(x):
    y = x if x < 710.0 else 710.0
    y = y if y > -50.0 else -50.0
    shifted = _fma(y, {1 / math.log(2)!r}, 6755399441055744.0)
    n = shifted - 6755399441055744.0
    k = _bits(shifted) - _bits(6755399441055744.0)
    r = _fma(n, {-float(_LN2_LOW)!r}, _fma(n, {-float(_LN2_HIGH)!r}, y))
    r2 = r * r
    tail = r2 * {_EXP_TAIL}
    less = k - (k > 1022)
    scale = _float((less + 1023) << 52)
    value = _fma(scale, tail, _fma(scale, r, scale - 1.0))
    value = value * 2.0 if k > 1022 else value
    return value if x == x else x


@inlined
def _tanh(x):
    a = math.fabs(x)
    a = a if a < 22.0 else 22.0
    e = _expm1(2.0 * a)
    small = a < 0.6
    quotient = (e if small else 2.0) / (e + 2.0)
    value = quotient if small else 1.0 - quotient
    value = value if x >= 0.0 else -value
    return value if x == x else x


@inlined
def _log(x):
    tiny = x < 2.2250738585072014e-308
    b = _bits(x * 18014398509481984.0 if tiny else x)
    k = (b - {0x3FE6A09E667F3BCD}) >> 52
    f = _float(b - (k << 52)) - 1.0
    n = float(k) - (54.0 if tiny else 0.0)
    s = f / (2.0 + f)
    z = s * s
    h = 0.5 * f * f
    tail = z * {_LOG_TAIL}
    value = _fma(n, {float(_LN2_HIGH)!r}, f - (h - _fma(s, h + tail, n * {float(_LN2_LOW)!r})))
    value = value if x < np.inf else x
    value = value if x != 0.0 else -np.inf
    return value if x >= 0.0 else np.nan


@inlined
def _about_exp(x):
    # to 1e-4, for |x| < 700: enough for the size of a step, at a quarter of the cost
    shifted = _fma(x, {1 / math.log(2)!r}, 6755399441055744.0)
    r = _fma(shifted - 6755399441055744.0, {-math.log(2)!r}, x)
    k = _bits(shifted) - _bits(6755399441055744.0)
    return (1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0))))) * _float((k + 1023) << 52)


@inlined
def _about_log(x):
    # to 1e-5, for ordinary numbers above 0
    b = _bits(x)
    k = (b - {0x3FE6A09E667F3BCD}) >> 52
    f = _float(b - (k << 52)) - 1.0
    s = f / (2.0 + f)
    z = s * s
    return float(k) * {math.log(2)!r} + s * (2.0 + z * (2.0 / 3.0 + z * 0.4))


@inlined
def _log1p(x):
    u = 1.0 + x
    value = _log(u)
    correction = (x - (u - 1.0)) / u
    return value + correction if (u > 0.0) & (u < np.inf) else value


@inlined
def _turned(x, quarter):
    # sin(x + quarter π/2):  x = n π/2 + r + low, and which of the four quarters n is in
    shifted = _fma(x, {float(1 / _QUARTER)!r}, 6755399441055744.0)
    n = shifted - 6755399441055744.0
    k = _bits(shifted) + quarter
    first = _fma(-n, {_QUARTERS[0]!r}, x)
    less = n * {_QUARTERS[1]!r}
    r = first - less
    low = ((first - r) - less) - _fma(n, {_QUARTERS[1]!r}, -less) - n * {_QUARTERS[2]!r}
    z = r * r
    z2 = z * z
    sine = r + _fma(r * z, {_SIN_TAIL}, low * _fma(-0.5, z, 1.0))
    half = 0.5 * z
    w = 1.0 - half
    cosine = w + (((1.0 - w) - half) + _fma(z2, {_COS_TAIL}, -r * low))
    value = cosine if k & 1 else sine
    value = -value if k & 2 else value
    return value if math.fabs(x) < {2.0**50!r} else np.nan


@inlined
def _sin(x):
    return _turned(x, 0)


@inlined
def _cos(x):
    return _turned(x, 1)


@inlined
def _pow(x, y):
    a = math.fabs(x)
    tiny = a < 2.2250738585072014e-308
    b = _bits(a * 18014398509481984.0 if tiny else a)
    k = (b - {0x3FE6A09E667F3BCD}) >> 52
    m = _float(b - (k << 52))
    n = float(k) - (54.0 if tiny else 0.0)
    f = m - 1.0
    d = m + 1.0
    d_low = m - (d - 1.0)
    s = f / d
    s_low = (_fma(-s, d, f) - s * d_low) / d
    z = s * s
    tail = s * z * {_LOG_TAIL}
    lead = 2.0 * s + tail
    lead_low = tail - (lead - 2.0 * s)
    big = n * {float(_LN2_HIGH)!r}
    high = big + lead
    low = (lead - (high - big)) + (lead_low + (2.0 * s_low + n * {float(_LN2_LOW)!r}))
    p = y * high
    e = _fma(y, high, -p) + y * low
    value = _exp(p)
    value = value + value * e if math.fabs(p) < 709.0 else value
    value = value if a != 1.0 else 1.0
    whole = np.floor(y) == y
    odd = whole & (np.floor(0.5 * y) != 0.5 * y)
    value = value if a < np.inf else (np.inf if y > 0.0 else 0.0)
    value = value if a > 0.0 else (0.0 if y > 0.0 else np.inf)
    value = value if (x > 0.0) | (a == 0.0) | (a == np.inf) | whole else np.nan
    value = -value if (x < 0.0) & odd else value
    value = value if (x == x) & (y == y) else np.nan
    return 1.0 if (y == 0.0) | (x == 1.0) else value
"""
