"""Explicit Runge-Kutta methods as numbers.

DORMAND_PRINCE: order 5 with an embedded order 4 and a dense output of order 4 (Dormand and Prince 1980,
doi:10.1016/0771-050X(80)90013-3; dense output after Hairer, Nørsett, Wanner, Solving Ordinary Differential
Equations I, II.6). The order conditions are tests. All three sources unverified: not read in print.
CLASSICAL: the method of order 4.
"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Tableau:
    """Stage ``s`` is taken at ``t + nodes[s] h`` from ``y + h Σ stages[s][j] k_j``.

    The step is ``y + h Σ weights[j] k_j``, its error ``h Σ error[j] k_j``.
    """

    nodes: tuple[float, ...]
    stages: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]
    error: tuple[float, ...] = ()
    dense: tuple[float, ...] = ()


def _floats(*values: Fraction | int) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


DORMAND_PRINCE = Tableau(
    nodes=_floats(0, Fraction(1, 5), Fraction(3, 10), Fraction(4, 5), Fraction(8, 9), 1),
    stages=(
        (),
        _floats(Fraction(1, 5)),
        _floats(Fraction(3, 40), Fraction(9, 40)),
        _floats(Fraction(44, 45), Fraction(-56, 15), Fraction(32, 9)),
        _floats(Fraction(19372, 6561), Fraction(-25360, 2187), Fraction(64448, 6561), Fraction(-212, 729)),
        _floats(
            Fraction(9017, 3168), Fraction(-355, 33), Fraction(46732, 5247), Fraction(49, 176), Fraction(-5103, 18656)
        ),
    ),
    weights=_floats(
        Fraction(35, 384), 0, Fraction(500, 1113), Fraction(125, 192), Fraction(-2187, 6784), Fraction(11, 84)
    ),
    error=_floats(
        Fraction(71, 57600),
        0,
        Fraction(-71, 16695),
        Fraction(71, 1920),
        Fraction(-17253, 339200),
        Fraction(22, 525),
        Fraction(-1, 40),
    ),
    dense=_floats(
        Fraction(-12715105075, 11282082432),
        0,
        Fraction(87487479700, 32700410799),
        Fraction(-10690763975, 1880347072),
        Fraction(701980252875, 199316789632),
        Fraction(-1453857185, 822651844),
        Fraction(69997945, 29380423),
    ),
)

CLASSICAL = Tableau(
    nodes=_floats(0, Fraction(1, 2), Fraction(1, 2), 1),
    stages=((), _floats(Fraction(1, 2)), _floats(0, Fraction(1, 2)), _floats(0, 0, 1)),
    weights=_floats(Fraction(1, 6), Fraction(1, 3), Fraction(1, 3), Fraction(1, 6)),
)


def weighted(weights: tuple[float, ...], terms: list[str]) -> str:
    """``0.2 * k1 + 0.3 * k2`` as source, without the terms of weight zero."""
    return " + ".join(f"{w!r} * {term}" for w, term in zip(weights, terms, strict=False) if w != 0.0)
