"""The table of quantities holds together."""

import pytest

from pollux.errors import UnknownName
from pollux.vocabulary import LOINC, RXNORM, SNOMED, UNITS, Term, term, term_for_code, terms


@pytest.mark.parametrize("entry", terms().values(), ids=lambda entry: str(entry.name))
def test_each_term_is_whole(entry: Term) -> None:
    assert entry.label
    assert entry.source
    if entry.kind == "coded":
        assert not entry.unit
        return
    assert entry.unit in UNITS
    assert entry.plausible is not None
    assert entry.possible is not None
    assert entry.possible[0] <= entry.plausible[0] < entry.plausible[1] <= entry.possible[1]
    if entry.molar_mass:
        assert UNITS[entry.unit].dimension in ("mass concentration", "amount concentration")


def test_a_code_stands_for_one_quantity() -> None:
    for system, column in ((LOINC, "loinc"), (SNOMED, "snomed"), (RXNORM, "rxnorm")):
        codes = [code for entry in terms().values() for code in getattr(entry, column)]
        assert len(codes) == len(set(codes)), column
        for entry in terms().values():
            for code in getattr(entry, column):
                assert term_for_code(system, code) is entry


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match=r"no quantity is named 'glocuse'. Known are: cgm_glucose, "):
        term("glocuse")
