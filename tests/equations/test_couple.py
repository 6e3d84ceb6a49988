"""Parts wired together are the equations written together; what cannot be wired is named."""

from dataclasses import replace

import numpy as np
import pytest

from pollux.equations import Fixed, Input, Model, Output, Parameter, Route, State
from pollux.equations.couple import Coupled, Wire, couple
from pollux.errors import ModelError
from pollux.kernel import simulate
from pollux.plans import Dose, Regimen

PK = Model(
    "drug", "1", "A drug", [State("A", "mg", "amount")],
    [
        Parameter("CL", "L/h", "clearance", Fixed(3.0), "test"), Parameter("V", "L", "volume", Fixed(20.0), "test"),
        Parameter("BW", "kg", "weight", Fixed(70.0), "test"),
    ],
    [Input("rate", "mg/h", "infusion")], [Output("C", "mg/L", "concentration", "plasma_glucose")],
    derivative=lambda t, x, p, u: {"A": u.rate - p.CL * (p.BW / 70.0) * x.A / p.V},
    observe=lambda t, x, p, u: {"C": x.A / p.V}, routes=[Route("iv", "A", input="rate")], time_unit="h",
)  # fmt: skip

EFFECT = Model(
    "effect", "1", "Its effect", [State("R", "1", "response")],
    [
        Parameter("kin", "1/min", "made", Fixed(0.02), "test"), Parameter("IC50", "mg/dL", "half", Fixed(0.2), "test"),
        Parameter("BW", "kg", "weight", Fixed(70.0), "test"),
    ],
    [Input("C", "mg/dL", "concentration", "plasma_glucose")], [Output("R", "1", "response", "response")],
    derivative=lambda t, x, p, u: {"R": p.kin * (70.0 / p.BW) * (1.0 - u.C / (p.IC50 + u.C)) - 0.02 * x.R},
    observe=lambda t, x, p, u: {"R": x.R}, initial=lambda p, u: {"R": 1.0},
)  # fmt: skip

TIMES = np.linspace(0.0, 24.0, 49)
DOSES = [Dose(0.0, 100.0, "pk_iv"), Dose(6.0, 80.0, "pk_iv", duration=2.0)]
REGIMEN = Regimen(DOSES)
ALONE = Regimen([replace(dose, route="iv") for dose in DOSES])


def both(**options: object) -> Coupled:
    return couple("both", {"pk": PK, "pd": EFFECT}, **options)  # type: ignore[arg-type]


def test_the_whole_equals_the_equations_written_as_one() -> None:
    """mg/L becomes mg/dL on the wire, and the response's minutes the whole's hours."""
    whole = both(shared=["BW"])
    assert [str(w) for w in whole.wires] == ["pk.C → pd.C"]
    assert whole.wires[0].factor == pytest.approx(0.1)
    assert whole.parameter_names == ("pk_CL", "pk_V", "BW", "pd_kin", "pd_IC50")
    one = replace(
        PK, name="one", states=[*PK.states, *EFFECT.states],
        derivative=lambda t, x, p, u: {
            "A": u.rate - p.CL * (p.BW / 70.0) * x.A / p.V,
            "R": 60.0 * (0.02 * (70.0 / p.BW) * (1.0 - 0.1 * x.A / p.V / (0.2 + 0.1 * x.A / p.V)) - 0.02 * x.R),
        },
        outputs=[Output("R", "1", "response")], observe=lambda t, x, p, u: {"R": x.R},
        initial=lambda p, u: {"A": 0.0, "R": 1.0},
    )  # fmt: skip
    by_hand = simulate(one, {"BW": 90.0}, ALONE, TIMES, tolerance=1e-9)
    wired = simulate(whole, {"BW": 90.0}, REGIMEN, TIMES, tolerance=1e-9)
    assert wired.outputs["pd_R"] == pytest.approx(by_hand.outputs["R"], rel=1e-7)


def test_a_part_that_nothing_reaches_behaves_as_alone() -> None:
    whole = simulate(both(), {}, REGIMEN, TIMES, tolerance=1e-9)
    alone = simulate(PK, {}, ALONE, TIMES)
    assert whole.outputs["pk_C"] == pytest.approx(alone.outputs["C"], rel=1e-7, abs=1e-9)


def through(name: str, quantity: str, other: str) -> Model:
    """A model that hands on what it is given, at once."""
    return Model(
        name, "1", name, [State("x", "1", "")], [], [Input("i", "1", "", other)], [Output("o", "1", "", quantity)],
        derivative=lambda t, x, p, u: {"x": u.i - x.x}, observe=lambda t, x, p, u: {"o": 2.0 * u.i},
    )  # fmt: skip


def test_a_ring_without_delay_is_refused_with_the_names_that_form_it() -> None:
    with pytest.raises(ModelError) as caught:
        couple("ring", {"a": through("a", "p", "q"), "b": through("b", "q", "p")})
    assert str(caught.value) == (
        "the parts drive each other in a ring without delay: b.o → a.o → b.o [ring]. "
        "Let one of these outputs come from a state."
    )


def test_a_ring_through_a_state_is_a_feedback() -> None:
    late = replace(through("b", "q", "p"), observe=lambda t, x, p, u: {"o": 0.2 * x.x})
    loop = couple("loop", {"a": through("a", "p", "q"), "b": late})
    found = simulate(loop, {}, Regimen([]), [0.0, 3.0], initial={"a_x": 0.0, "b_x": 1.0}, tolerance=1e-10)
    assert found.state("b_x")[0, 1] == pytest.approx(np.exp((0.4 - 1.0) * 3.0), rel=1e-8)


def test_what_cannot_be_wired_is_named() -> None:
    with pytest.raises(ModelError, match=r"two outputs drive pd\.C \[both\]\. Say with `wires` which one shall\."):
        couple("both", {"pk": PK, "more": PK, "pd": EFFECT})
    parts = {
        "pk": replace(PK, outputs=[Output("C", "mg/L", "")]),
        "pd": replace(EFFECT, inputs=[Input("C", "furlong", "", "")]),
    }
    with pytest.raises(ModelError, match=r"pk\.C → pd\.C would pass mg/L as furlong"):
        couple("both", parts, wires=[Wire("pk", "C", "pd", "C")])
    with pytest.raises(ModelError, match=r"'CL' cannot be shared by pk \[L/h\]"):
        both(shared=["CL"])
