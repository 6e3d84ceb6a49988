"""The table of quantities holds together."""

import re

import pytest

from pollux.errors import UnknownName
from pollux.vocabulary import LOINC, RXNORM, SNOMED, UNITS, Term, convert, term, term_for_code, terms


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


def test_a_code_stands_for_one_quantity_or_its_units_say_for_which() -> None:
    for system, column in ((LOINC, "loinc"), (SNOMED, "snomed"), (RXNORM, "rxnorm")):
        carried: dict[str, list[Term]] = {}
        for entry in terms().values():
            for code in getattr(entry, column):
                carried.setdefault(code, []).append(entry)
        for code, entries in carried.items():
            if len(entries) == 1:
                assert term_for_code(system, code) is entries[0]
                continue
            assert len({entry.stated_in[code] for entry in entries}) == len(entries), code
            for entry in entries:
                assert term_for_code(system, code, entry.stated_in[code]) is entry


def test_every_unit_in_which_a_code_is_read_is_one_of_its_quantity() -> None:
    for entry in terms().values():
        for only in entry.stated_in.values():
            assert only in UNITS
            assert isinstance(convert(1.0, only, entry.unit, entry.name), float)


def test_a_width_in_percent_and_one_in_femtolitres_are_two_quantities() -> None:
    found = [term_for_code(LOINC, "788-0", unit) for unit in ("%", "fL")]
    assert [entry.name for entry in found if entry] == [
        "erythrocyte_distribution_ratio",
        "erythrocyte_distribution_width",
    ]


WEIGHTS = {"H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "P": 30.974, "I": 126.904, "Co": 58.933}
FORMULA = re.compile(r"\b(?:(?:Co|C|H|I|N|O|P)\d*){3,}\b")
STATED = [(entry, found.group()) for entry in terms().values() if (found := FORMULA.search(entry.source))]


@pytest.mark.parametrize(("entry", "formula"), STATED, ids=[entry.name for entry, _ in STATED])
def test_a_molar_mass_is_the_sum_of_the_standard_atomic_weights(entry: Term, formula: str) -> None:
    parts = re.findall(r"(Co|C|H|I|N|O|P)(\d*)", formula)
    assert entry.molar_mass == pytest.approx(sum(WEIGHTS[atom] * int(count or 1) for atom, count in parts), rel=1e-4)


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match=r"no quantity is named 'glocuse'. Known are: cgm_glucose, "):
        term("glocuse")
