"""What is traced is what NumPy computes."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollux.equations import Input, Model, Normal, Output, Parameter, State
from pollux.errors import ModelError
from pollux.kernel import compile, trace
from pollux.kernel.derivatives import Derivatives
from pollux.kernel.symbols import Symbol

UNARY: list[Callable[[Any], Any]] = [
    np.negative, np.absolute, np.tanh, np.sin, np.cos, np.square, np.sign, np.floor, np.exp, np.expm1,
    lambda a: np.sqrt(0.1 + np.absolute(a)), lambda a: np.log(1.0 + a * a), lambda a: np.log1p(np.absolute(a)),
    lambda a: a**2, lambda a: a**3, lambda a: (1.0 + a * a) ** -0.7, lambda a: 1.0 / (2.0 + np.sin(a)),
]  # fmt: skip
BINARY: list[Callable[[Any, Any], Any]] = [
    np.add, np.subtract, np.multiply, np.maximum, np.minimum, lambda a, b: a / (1.0 + b * b),
    lambda a, b: np.where(a > b, a, 2.0 * b), lambda a, b: np.where((a <= b) & (b < 1.0), b, a - 1.0),
    lambda a, b: (a > b) * a, lambda a, b: np.clip(a, -1.0, 1.0) + b,
    lambda a, b: (0.1 + np.absolute(a)) ** (0.3 + b * b / (1 + b * b)),
]  # fmt: skip
STEPS = st.lists(
    st.tuples(st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 99), st.integers(0, 99)),
    min_size=1,
    max_size=25,
)
NUMBER = st.floats(-3.0, 3.0)


def _model(steps: list[tuple[int, int, int]]) -> Model:
    """A model whose equations are a random program."""

    def derivative(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        values = [x.a, x.b, p.p, p.q, u.u, t, 0.5, -1.25]
        for which, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            made = UNARY[which](a) if which < len(UNARY) else BINARY[which - len(UNARY)](a, b)
            values.append(np.clip(made, -50.0, 50.0))
        return {"a": values[-1], "b": sum(values[8:])}

    return Model(
        name="random",
        version="1",
        title="",
        states=[State("a", "1", ""), State("b", "1", "")],
        parameters=[Parameter("p", "1", "", Normal(0, 1), "x"), Parameter("q", "1", "", Normal(0, 1), "x")],
        inputs=[Input("u", "1", "")],
        outputs=[Output("o", "1", "")],
        derivative=derivative,
        observe=lambda t, x, p, u: {"o": x.a},
    )


def _direct(model: Model, t: float, x: list[float], p: list[float], u: list[float]) -> list[float]:
    from pollux.equations.model import Named

    with np.errstate(all="ignore"):
        rates = model.rates(
            np.float64(t),
            Named("state", dict(zip("ab", np.array(x), strict=True))),
            Named("parameter", dict(zip("pq", np.array(p), strict=True))),
            Named("input", {"u": np.float64(u[0])}),
        )
    return [float(v) for v in rates.values()]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(STEPS, st.lists(NUMBER, min_size=6, max_size=6))
def test_a_traced_program_computes_what_numpy_computes(steps: list[tuple[int, int, int]], v: list[float]) -> None:
    model = _model(steps)
    program = trace(model)
    with np.errstate(all="ignore"):
        x, p, u = np.array(v[:2]), np.array(v[2:4]), np.array(v[4:5])
        traced = program.evaluate(program.rates, np.float64(v[5]), x, p, u)
    np.testing.assert_allclose(traced, _direct(model, v[5], v[:2], v[2:4], v[4:5]), rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(STEPS, st.lists(NUMBER, min_size=6, max_size=6))
def test_the_jacobian_is_the_derivative(steps: list[tuple[int, int, int]], v: list[float]) -> None:
    program = trace(_model(steps))
    d = Derivatives(program)
    jacobian = d.jacobian(program.rates, [("state", 0), ("state", 1), ("parameter", 0)])
    whole = type(program)(2, 2, 1, tuple(d.graph.nodes), tuple(map(d.at, program.rates)), (), ())

    def rates(x: list[float]) -> np.ndarray[Any, Any]:
        with np.errstate(all="ignore"):
            return np.array(
                program.evaluate(program.rates, v[5], np.array(x[:2]), np.array([x[2], v[3]]), np.array(v[4:5]))
            )

    point, h = v[:3], 1e-6
    with np.errstate(all="ignore"):
        values = whole.evaluate(list(jacobian.values()), v[5], np.array(v[:2]), np.array(v[2:4]), np.array(v[4:5]))
    exact = np.zeros((2, 3))
    for (i, j), value in zip(jacobian, values, strict=True):
        exact[i, j] = value
    for j in range(3):
        up, down = list(point), list(point)
        up[j] += h
        down[j] -= h
        forward, backward, middle = rates(up), rates(down), rates(point)
        # at a kink the two one-sided slopes differ, and at a jump there is none: neither is asked for
        kink = np.abs(forward - 2 * middle + backward) > 1e-3 * h * (1 + np.abs(exact[:, j]))
        smooth = ~kink & (np.abs(forward - backward) < 1e-2)
        numeric = (forward - backward) / (2 * h)
        np.testing.assert_allclose(exact[smooth, j], numeric[smooth], rtol=2e-3, atol=2e-3)


def test_a_hill_function_has_finite_slopes_at_zero() -> None:
    model = Model(
        "hill", "1", "", [State("a", "1", "")], [Parameter("n", "1", "", Normal(2.5, 1), "x")], [],
        [Output("a", "1", "")],
        derivative=lambda t, x, p, u: {"a": x.a**p.n / (1.0 + x.a**p.n)},
        observe=lambda t, x, p, u: {"a": x.a},
    )  # fmt: skip
    program = trace(model)
    d = Derivatives(program)
    slopes = d.jacobian(program.rates, [("state", 0), ("parameter", 0)])
    whole = type(program)(1, 1, 0, tuple(d.graph.nodes), (), (), ())
    with np.errstate(all="ignore"):
        assert whole.evaluate(list(slopes.values()), 0.0, [np.float64(0.0)], [np.float64(2.5)], []) == [0.0, 0.0]


def test_compiled_code_computes_what_numpy_computes() -> None:
    rng = np.random.default_rng(0)
    every = [(i, int(rng.integers(100)), int(rng.integers(100))) for i in rng.permutation(len(UNARY) + len(BINARY))]
    model = _model(every)
    compiled = compile(model)
    x, p, u = rng.normal(size=(40, 2)), rng.normal(size=(40, 2)), rng.normal(size=(40, 1))
    h = 1e-9
    moved = compiled.advance(x, p, u, 1.0, 1.0 + h, tolerance=0.5)
    rate = (moved - x) / ((1.0 + h) - 1.0)
    for i in range(40):
        expected = _direct(model, 1.0, list(x[i]), list(p[i]), list(u[i]))
        np.testing.assert_allclose(rate[i], expected, rtol=1e-4, atol=1e-5)


def test_tracing_twice_gives_the_same_program(curved: Model) -> None:
    first, second = trace(curved), trace(curved)
    assert first.nodes == second.nodes
    assert first.key == second.key


def test_a_common_subexpression_stands_once() -> None:
    program = trace(_model([(2, 0, 0), (2, 0, 0)]))
    assert sum(node[0] == "tanh" for node in program.nodes) == 1


def test_arithmetic_on_literals_is_done_while_tracing() -> None:
    model = Model(
        "literal", "1", "", [State("a", "1", "")], [], [], [Output("a", "1", "")],
        derivative=lambda t, x, p, u: {"a": x.a * np.exp(np.float64(2.0)) * 1.0 + 0.0},
        observe=lambda t, x, p, u: {"a": x.a},
    )  # fmt: skip
    assert trace(model).nodes == (("state", 0), ("const", math.exp(2.0)), ("multiply", 0, 1), ("const", 0.0))


@pytest.mark.parametrize(
    ("equation", "sentence"),
    [
        (lambda a: a if a > 0 else -a, r"Use np\.where\(condition, a, b\), np\.maximum or np\.minimum in place of"),
        (lambda a: math.exp(a), r"Use NumPy's functions \(np\.exp, not math\.exp\)"),
        (lambda a: np.arctan(a), r"an equation uses np\.arctan, which cannot be compiled\. There are: absolute, add"),
        (lambda a: np.sum(a), r"an equation uses np\."),
        (lambda a: a * np.ones(3), r"an equation uses an array of shape \(3,\)"),
    ],
)
def test_what_cannot_be_traced_is_refused_with_advice(equation: Callable[[Any], Any], sentence: str) -> None:
    model = Model(
        "odd", "1", "", [State("a", "1", "")], [], [], [Output("a", "1", "")],
        derivative=lambda t, x, p, u: {"a": equation(x.a)},
        observe=lambda t, x, p, u: {"a": x.a},
    )  # fmt: skip
    with pytest.raises(ModelError, match=sentence):
        trace(model)


def test_a_symbol_has_no_truth() -> None:
    from pollux.kernel.symbols import Graph

    graph = Graph()
    with pytest.raises(ModelError, match="asks whether a state, parameter or input is true"):
        bool(Symbol(graph, graph.add("state", 0)))
