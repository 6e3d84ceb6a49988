"""The stiff test problems of the field as models (Hairer and Wanner, Solving Ordinary Differential Equations II; the
test set of Bari), as public copies of its programs have them, unverified against print. Each is checked against SciPy's
Radau, which shares the equations, and against the published end values, which do not (test_stiff_published)."""

from typing import Any

from pollux.equations import Fixed, Model, Output, Parameter, State

Names = Any


def _model(name: str, start: dict[str, float], rates: Any, **constants: float) -> Model:
    return Model(
        name, "1", name, [State(s, "1", "", scale=1e-3) for s in start],
        [Parameter(k, "1", "", Fixed(v), "test") for k, v in constants.items()], [], [Output("y", "1", "")],
        derivative=rates, observe=lambda t, x, p, u: {"y": getattr(x, next(iter(start)))},
        initial=lambda p, u: dict(start),
    )  # fmt: skip


def _robertson(t: Any, x: Names, p: Names, u: Names) -> dict[str, Any]:
    slow, fast, back = p.k1 * x.a, p.k2 * x.b * x.b, p.k3 * x.b * x.c
    return {"a": -slow + back, "b": slow - back - fast, "c": fast}


def _oregonator(t: Any, x: Names, p: Names, u: Names) -> dict[str, Any]:
    return {
        "a": p.s * (x.b + x.a * (1.0 - p.q * x.a - x.b)),
        "b": (x.c - (1.0 + x.a) * x.b) / p.s,
        "c": p.w * (x.a - x.c),
    }


def _hires(t: Any, x: Names, p: Names, u: Names) -> dict[str, Any]:
    bound = 280.0 * x.f * x.h
    return {
        "a": -p.k * x.a + 0.43 * x.b + 8.32 * x.c + 0.0007,
        "b": p.k * x.a - 8.75 * x.b,
        "c": -10.03 * x.c + 0.43 * x.d + 0.035 * x.e,
        "d": 8.32 * x.b + p.k * x.c - 1.12 * x.d,
        "e": -1.745 * x.e + 0.43 * x.f + 0.43 * x.g,
        "f": -bound + 0.69 * x.d + p.k * x.e - 0.43 * x.f + 0.69 * x.g,
        "g": bound - 1.81 * x.g,
        "h": -bound + 1.81 * x.g,
    }


def _vanderpol(t: Any, x: Names, p: Names, u: Names) -> dict[str, Any]:
    return {"a": x.b, "b": ((1.0 - x.a * x.a) * x.b - x.a) / p.eps}


ROBERTSON = _model("robertson", {"a": 1.0, "b": 0.0, "c": 0.0}, _robertson, k1=0.04, k2=3e7, k3=1e4)
OREGONATOR = _model("oregonator", {"a": 1.0, "b": 2.0, "c": 3.0}, _oregonator, s=77.27, q=8.375e-6, w=0.161)
HIRES = _model("hires", {"a": 1.0} | dict.fromkeys("bcdefg", 0.0) | {"h": 0.0057}, _hires, k=1.71)
VANDERPOL = _model("vanderpol", {"a": 2.0, "b": 0.0}, _vanderpol, eps=1e-6)

# The pollution problem: 20 species, 25 reactions (rate constants, reactants, products), by number.
POLLUTION_RATES = (
    0.35, 26.6, 1.23e4, 8.6e-4, 8.2e-4, 1.5e4, 1.3e-4, 2.4e4, 1.65e4, 9.0e3, 2.2e-2, 1.2e4, 1.88, 1.63e4, 4.8e6, 3.5e-4,
    1.75e-2, 1.0e8, 4.44e11, 1.24e3, 2.1, 5.78, 4.74e-2, 1.78e3, 3.12,
)  # fmt: skip
_REACTIONS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((1,), (2, 3)), ((2, 4), (1,)), ((5, 2), (6, 1)), ((7,), (5, 5, 8)), ((7,), (8,)), ((7, 6), (5, 8)),
    ((9,), (10, 5, 8)), ((9, 6), (11,)), ((11, 2), (10, 1, 12)), ((11, 1), (13,)), ((13,), (11, 1)),
    ((10, 2), (14, 1)), ((14,), (7, 5)), ((1, 6), (15,)), ((3,), (4,)), ((4,), (16,)), ((4,), (3,)),
    ((16,), (6, 6)), ((16,), (3,)), ((17, 6), (18, 5)), ((19,), (2,)), ((19,), (1, 3)), ((1, 4), (19,)),
    ((19, 1), (20,)), ((20,), (19, 1)),
)  # fmt: skip


def _pollution(t: Any, x: Names, p: Names, u: Names) -> dict[str, Any]:
    change: dict[str, Any] = dict.fromkeys((f"y{i}" for i in range(1, 21)), 0.0)
    for k, (reactants, products) in enumerate(_REACTIONS, start=1):
        speed = getattr(p, f"k{k}")
        for i in reactants:
            speed = speed * getattr(x, f"y{i}")
        for i in reactants:
            change[f"y{i}"] = change[f"y{i}"] - speed
        for i in products:
            change[f"y{i}"] = change[f"y{i}"] + speed
    return change


POLLUTION = _model(
    "pollution",
    {f"y{i}": {2: 0.2, 4: 0.04, 7: 0.1, 8: 0.3, 9: 0.01, 17: 0.007}.get(i, 0.0) for i in range(1, 21)},
    _pollution,
    **{f"k{k}": v for k, v in enumerate(POLLUTION_RATES, start=1)},
)

PROBLEMS = {  # end of time, spread of the rates in the benchmark
    "robertson": (ROBERTSON, 1e6),
    "oregonator": (OREGONATOR, 360.0),
    "hires": (HIRES, 321.8122),
    "vanderpol": (VANDERPOL, 2.0),
    "pollution": (POLLUTION, 60.0),
}
