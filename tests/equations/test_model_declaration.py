"""A model is checked when it is declared: a wrong name is an error there, and says which names there are."""

from dataclasses import replace
from typing import Any

import pytest

from pollux.equations import Domain, Fixed, Input, Model, Output, Parameter, Range, Reference, State
from pollux.errors import ModelError, UnknownName

GOOD = Model(
    name="tank",
    version="1",
    title="A tank",
    states=[State("A", "mg", "amount")],
    parameters=[Parameter("k", "1/min", "loss", Fixed(0.1), "example")],
    inputs=[Input("flow", "mg/min", "inflow")],
    outputs=[Output("amount", "mg", "amount")],
    derivative=lambda t, x, p, u: {"A": u.flow - p.k * x.A},
    observe=lambda t, x, p, u: {"amount": x.A},
    impulses={"dose": "A"},
)


def test_a_model_knows_its_names_and_medians() -> None:
    assert GOOD.state_names == ("A",)
    assert GOOD.parameter_names == ("k",)
    assert GOOD.input_names == ("flow",)
    assert GOOD.output_names == ("amount",)
    assert GOOD.medians() == {"k": 0.1}
    assert GOOD.parameter("k").unit == "1/min"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"states": []}, r"a model needs at least one state \[tank\]"),
        ({"states": [State("A", "mg", ""), State("A", "mg", "")]}, r"two states are called 'A' \[tank\]"),
        ({"states": [State("a b", "mg", "")]}, r"'a b' cannot name a state \[tank\]"),
        ({"parameters": [Parameter("lambda", "1", "", Fixed(1), "x")]}, r"'lambda' cannot name a parameter"),
        ({"impulses": {"dose": "B"}}, r"the impulse 'dose' goes to 'B', which is not a state \[tank\]. There are: A\."),
        (
            {"derivative": lambda t, x, p, u: {}},
            r"derivative leaves out A \[tank\]. It must return exactly one value for each state: A\.",
        ),
        ({"derivative": lambda t, x, p, u: {"A": 0.0, "B": 0.0}}, r"derivative returns B \[tank\]"),
        ({"observe": lambda t, x, p, u: {"other": x.A}}, r"observe leaves out amount and returns other \[tank\]"),
        ({"initial": lambda p, u: {"C": 0.0}}, r"initial leaves out A and returns C \[tank\]"),
    ],
)
def test_a_wrong_declaration_is_refused_with_advice(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        replace(GOOD, **change)


def test_a_wrong_name_in_the_equations_is_found_at_once() -> None:
    with pytest.raises(UnknownName, match=r"there is no parameter 'kk'\. There are: k\."):
        replace(GOOD, derivative=lambda t, x, p, u: {"A": -p.kk * x.A})
    with pytest.raises(UnknownName, match=r"there is no parameter 'V' \[tank\]\. There are: k\."):
        GOOD.parameter("V")


def test_a_domain_gives_reasons_only_for_what_lies_outside() -> None:
    domain = Domain(Range("age", 18, 80, "a", "adults"), Range("body_weight", 40, 120, "kg", "studied weights"))
    assert domain.outside({"age": 18.0, "body_weight": 120.0}) == []
    assert domain.outside({}) == []
    assert domain.outside({"age": 17.9}) == ["age is 17.9 a, outside 18 to 80 a: adults"]
    assert len(domain.outside({"age": float("nan"), "body_weight": 300.0})) == 2


def test_an_unverified_reference_says_so() -> None:
    assert str(Reference("A paper", doi="10.1/x", pmid="7", verified=True)) == "A paper, doi:10.1/x, PMID 7"
    assert str(Reference("A paper")) == "A paper (unverified)"
