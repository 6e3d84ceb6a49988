"""Compound units agree with the vocabulary's own and with arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollux.errors import UnknownName
from pollux.vocabulary.compound import compound
from pollux.vocabulary.units import UNITS

SAME = {"mass concentration", "amount concentration", "mass", "volume", "pressure", "time", "rate"}
KNOWN = [u for u in UNITS.values() if u.dimension in SAME and not u.code.startswith(("[", "{", "m[H", "cm[H"))]


@pytest.mark.parametrize("dimension", sorted(SAME))
def test_ratios_are_those_of_the_vocabulary(dimension: str) -> None:
    units = [u for u in KNOWN if u.dimension == dimension]
    assert len(units) > 1
    for a in units:
        for b in units:
            assert compound(a.code).powers == compound(b.code).powers
            assert compound(a.code).factor / compound(b.code).factor == a.factor / b.factor, (a.code, b.code)


@given(st.sampled_from(["L", "mg", "min", "kg", "mmol"]), st.sampled_from(["h", "dL", "ug", "d"]))
def test_a_quotient_times_its_divisor_is_what_was_divided(a: str, b: str) -> None:
    assert compound(f"{a}/{b}") * compound(b) == compound(a)
    assert compound(f"{a}/({b}.{a})") == compound(f"/{b}")
    assert compound(f"{a}2") == compound(f"{a}.{a}") == compound(a) ** 2


@pytest.mark.parametrize("code", ["", "mg//L", "mg/", "(mg", "furlong", "mg per L", "L/h)", "3x"])
def test_what_is_no_unit_is_refused(code: str) -> None:
    with pytest.raises(UnknownName, match="cannot be read"):
        compound(code)
