"""Conversions are exact both ways, and the factors are UCUM's own."""

import re
from fractions import Fraction
from itertools import permutations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollux.errors import RefusedInput, UnknownName
from pollux.vocabulary import UNITS, Equation, Unit, convert, term, terms, unit, unit_named
from pollux.vocabulary.spellings import SPELLINGS, spelled
from pollux.vocabulary.units import convert_value

PAIRS = [(a, b) for a, b in permutations(UNITS.values(), 2) if a.dimension == b.dimension]
MOLAR = [name for name, entry in terms().items() if entry.molar_mass]
MASS = [u.code for u in UNITS.values() if u.dimension == "mass concentration"]
AMOUNT = [u.code for u in UNITS.values() if u.dimension == "amount concentration"]
VALUES = st.floats(min_value=1e-6, max_value=1e6)


@given(st.sampled_from(PAIRS), VALUES)
def test_a_conversion_and_back_gives_the_same_number(pair: tuple[Unit, Unit], value: float) -> None:
    there = convert_value(value, pair[0].code, pair[1].code)
    scale = max(abs(value), 300.0 if pair[0].dimension == "temperature" else 0.0)
    assert abs(convert_value(there, pair[1].code, pair[0].code) - value) <= 1e-12 * scale


@given(st.sampled_from(MOLAR), st.sampled_from(MASS), st.sampled_from(AMOUNT), VALUES)
def test_mass_and_amount_turn_into_each_other_and_back(name: str, mass: str, amount: str, value: float) -> None:
    there = convert(value, mass, amount, name)
    assert convert(there, amount, mass, name) == pytest.approx(value, rel=1e-12)
    exact = Fraction(value) * UNITS[mass].factor / Fraction(str(term(name).molar_mass)) / UNITS[amount].factor
    assert there == pytest.approx(float(exact), rel=1e-12)


SCALES = [(name, entry.equation) for name, entry in terms().items() if entry.equation]


@given(st.sampled_from(SCALES), st.floats(min_value=-1e3, max_value=1e3))
def test_two_scales_of_one_quantity_turn_into_each_other_and_back(scale: tuple[str, Equation], value: float) -> None:
    name, equation = scale
    own = term(name).unit
    there = convert(value, equation.unit, own, name)
    exact = Fraction(value) * equation.slope + equation.intercept
    assert there == float(exact)
    size = max(abs(value), float(abs(equation.intercept / equation.slope)))
    assert abs(convert(there, own, equation.unit, name) - value) <= 1e-12 * size


@pytest.mark.parametrize(("ifcc", "ngsp"), [(31, 5.0), (42, 6.0), (48, 6.5), (53, 7.0), (64, 8.0), (86, 10.0)])
def test_hba1c_has_its_published_pairs(ifcc: float, ngsp: float) -> None:
    assert convert(ifcc, "mmol/mol", "%", "hba1c") == pytest.approx(ngsp, abs=0.05)
    assert convert(ngsp, "%", "mmol/mol", "hba1c") == pytest.approx(ifcc, abs=0.5)
    assert convert(ifcc, "mmol/mol", "1", "hba1c") == pytest.approx(ngsp / 100, abs=5e-4)


def test_a_scale_belongs_to_its_quantity_alone() -> None:
    with pytest.raises(RefusedInput, match=r"mmol/mol \(amount fraction\) cannot be turned into % \(fraction\)"):
        convert(48.0, "mmol/mol", "%", "oxygen_saturation")
    assert convert(48.0, "mmol/mol", "mmol/mol", "hba1c") == 48.0


def test_a_conversion_to_the_same_unit_changes_no_bit() -> None:
    for code in UNITS:
        assert convert_value(0.1 + 0.2, code, code) == 0.1 + 0.2


def test_freezing_and_boiling_water_are_where_they_are() -> None:
    assert convert_value(32.0, "[degF]", "Cel") == 0.0
    assert convert_value(100.0, "Cel", "[degF]") == pytest.approx(212.0, rel=1e-15)
    assert convert_value(0.0, "Cel", "K") == 273.15


def test_what_has_no_common_dimension_is_refused() -> None:
    with pytest.raises(RefusedInput, match=r"kg \(mass\) cannot be turned into m \(length\)"):
        convert_value(1.0, "kg", "m")
    with pytest.raises(RefusedInput):
        convert(1.0, "mg/dL", "mmol/L", "ferritin")


def test_an_unknown_unit_is_told_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match=r"the unit 'furlong' is not known here. Known are: "):
        unit("furlong")


def test_every_spelling_stands_for_a_unit_and_is_no_code_of_another() -> None:
    for spelling, code in SPELLINGS.items():
        assert code in UNITS
        assert spelling not in UNITS


@pytest.mark.parametrize(
    ("code", "spellings"),
    [
        ("10*3/uL", "K/uL k/ul K/mcL K/cumm x10E3/uL x10(3)/mcL 10^3/uL 10**3/uL 10e3/ul THOU/UL thous/uL 10³/µL"),
        ("10*6/uL", "M/uL M/mcL 10^6/uL x10E6/uL million/uL Mio/uL 10*6/mm3"),
        ("10*9/L", "10^9/L x10^9/l 10E9/L Gpt/L 10⁹/L"),
        ("10*12/L", "10^12/L x10E12/L Tpt/L 10¹²/l"),
        ("/uL", "cells/uL cells/mm3 cells/mcL /cumm {cells}/uL"),
        ("mL/min/{1.73_m2}", "mL/min/1.73m2 ml/min/1.73m^2 mL/min/1.73m² mL/min/1.73_m2 mL/min/(1.73.m2)"),
        ("mg/dL", "mg/dl MG/DL Mg/dL mg/100mL mg/dL{calc}"),
        ("g/dL", "gm/dL gm/dl g/dl G/DL g/100ml"),
        ("ug/dL", "mcg/dL µg/dL μg/dl UG/DL"),
        ("meq/L", "mEq/L MEQ/L meq/l"),
        ("[IU]/L", "IU/L iu/l [iU]/L"),
        ("U/L", "u/l units/L U/l"),
        ("m[IU]/L", "mIU/L miu/l m[iU]/L"),
        ("u[IU]/mL", "uIU/mL µIU/mL UIU/ML µU/mL"),
        ("/min", "bpm BPM beats/min {breaths}/min breaths/minute /minute 1/min"),
        ("mg/g", "mg/g{creat} mg/gcreat"),
        ("mm/h", "mm/hr MM/HR"),
        ("[ft_i]", "ft feet"),
        ("[in_i]", "in IN inches"),
    ],
)
def test_a_spelling_with_one_reading_is_read(code: str, spellings: str) -> None:
    assert {spelling: unit(spelling).code for spelling in spellings.split()} == dict.fromkeys(spellings.split(), code)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("beats per minute", "/min"), ("Breaths per minute", "/min"), ("mm Hg", "mm[Hg]"), ("x 10^9 / L", "10*9/L"),
        ("mL/min/1.73 m2", "mL/min/{1.73_m2}"), ("mL/min per 1.73 m2", "mL/min/{1.73_m2}"), ("mmol / L", "mmol/L"),
        ("10 3/uL", "10*3/uL"), ("Deg. F", "[degF]"), ("% of total Hgb", "%"), ("degrees F", "[degF]"),
        ("deg C", "Cel"), ("ug/mg creat", "ug/mg"), ("K/cu mm", "10*3/uL"),
    ],
)  # fmt: skip
def test_spaces_change_no_unit(text: str, code: str) -> None:
    assert unit(text).code == code


@pytest.mark.parametrize(
    "text", ["m/uL", "m/ul", "M/L", "mg%", "gm%", "G/L", "T/L", "MIU/L", "MU/L", "mil/uL", "mg/dL{DDU}", "ug/mL{DDU}",
             "103/uL", "109/L",
             "10*/uL", "10^4/uL", "/", "//", "mg/", "mg/dL/h", "x/uL", "mL/min/1.37m2", "mg/dL mmol/L", "thou", "K/"],
)  # fmt: skip
def test_what_has_two_readings_or_none_is_no_unit(text: str) -> None:
    with pytest.raises(UnknownName):
        unit(text)


@given(st.text(max_size=60))
def test_whatever_is_written_is_a_known_unit_or_refused(text: str) -> None:
    code = spelled(text)
    assert code == "" or code not in SPELLINGS
    assert unit_named(text) in UNITS or unit_named(text).startswith(("an unknown unit", "no unit"))


@given(st.sampled_from(sorted(UNITS)))
def test_no_spelling_takes_the_place_of_a_code(code: str) -> None:
    assert unit(code).code == code


@pytest.mark.parametrize(
    ("name", "charge"),
    [("sodium", 1), ("potassium", 1), ("chloride", 1), ("calcium", 2), ("magnesium", 2), ("bicarbonate", 1)],
)
def test_equivalents_are_moles_of_charges(name: str, charge: int) -> None:
    assert convert(4.0, "mEq/L", "mmol/L", name) == 4.0 / charge
    assert convert(4.0, "mmol/L", "meq/L", name) == 4.0 * charge


def test_calcium_has_three_ways_to_be_stated() -> None:
    assert convert(2.5, "mmol/L", "mg/dL", "calcium") == pytest.approx(10.0, abs=0.03)
    assert convert(5.0, "mEq/L", "mg/dL", "calcium") == pytest.approx(10.0, abs=0.03)


def test_what_is_no_ion_has_no_equivalents() -> None:
    with pytest.raises(RefusedInput, match=r"mEq/L \(equivalent concentration\) cannot be turned into mg/dL"):
        convert(1.0, "mEq/L", "mg/dL", "phosphate")


@pytest.mark.parametrize(
    ("name", "mmol", "mg"),
    [("triglycerides", 1.0, 88.5), ("total_cholesterol", 1.0, 38.67), ("urea_nitrogen", 1.0, 2.8), ("urate", 1.0, 16.8),
     ("creatinine", 0.1, 1.13), ("bilirubin", 0.1, 5.85), ("magnesium", 1.0, 2.43), ("phosphate", 1.0, 3.1)],
)  # fmt: skip
def test_molar_units_have_the_factors_that_laboratories_print(name: str, mmol: float, mg: float) -> None:
    assert convert(mmol, "mmol/L", "mg/dL", name) == pytest.approx(mg, rel=0.005)


@pytest.mark.parametrize(
    ("text", "said"),
    [("mg%", "an unknown unit 'mg%'"), ("x10(4)/uL", "an unknown unit 'x10(4)/uL'"), ("mg/dL", "mg/dL"),
     ("Mrs. Miller called at noon, 030/1234", "an unknown unit"), ("<b>", "an unknown unit"), ("", "no unit")],
)  # fmt: skip
def test_a_refusal_names_the_unit_and_quotes_no_free_text(text: str, said: str) -> None:
    assert unit_named(text) == said


class Ucum:
    """The few rules of UCUM's grammar that the codes here need, over the official table of units."""

    def __init__(self, text: str) -> None:
        root = ElementTree.fromstring(text)
        self.prefixes: dict[str, Fraction] = {}
        self.atoms: dict[str, tuple[Fraction, str]] = {}
        self.metric: set[str] = set()
        for element in root.iter():
            tag = element.tag.rpartition("}")[2]
            if tag not in ("prefix", "base-unit", "unit"):
                continue
            code = element.attrib["Code"]
            value = next((child for child in element if child.tag.rpartition("}")[2] == "value"), None)
            if tag == "prefix" and value is not None:
                self.prefixes[code] = Fraction(value.attrib["value"])
            elif tag == "base-unit":
                self.atoms[code] = (Fraction(1), "1")
                self.metric.add(code)
            elif value is not None and "value" in value.attrib:
                self.atoms[code] = (Fraction(value.attrib["value"]), value.attrib["Unit"])
                if element.attrib.get("isMetric") == "yes":
                    self.metric.add(code)

    def value(self, code: str) -> Fraction:
        found, sign = Fraction(1), 1
        for part in re.split(r"([./])", re.sub(r"\{[^}]*\}", "", code)):
            if part in "./":
                sign = -1 if part == "/" else 1
                continue
            found *= self.factor(part) ** sign
        return found

    def factor(self, part: str) -> Fraction:
        power = re.fullmatch(r"(10\*|[^0-9]*(?:\[[^\]]*\])?|.+?\])([+-]?\d+)", part)
        if part.isdigit():
            return Fraction(part)
        if power and power.group(1) and part not in self.atoms:
            return self.atom(power.group(1)) ** int(power.group(2))
        return self.atom(part)

    def atom(self, code: str) -> Fraction:
        if code in self.atoms:
            value, of = self.atoms[code]
            return value * (self.value(of) if of not in ("1", code) else 1)
        for prefix, size in self.prefixes.items():
            if code.startswith(prefix) and code[len(prefix) :] in self.metric:
                return size * self.atom(code[len(prefix) :])
        raise KeyError(code)


@pytest.mark.reference
def test_factors_are_those_of_the_official_ucum_table(reference: Path) -> None:
    ucum = Ucum((reference / "fhir/ucum/ucum-essence.xml").read_text(encoding="utf-8"))
    # An insulin unit is no unit of UCUM's table ("U" there counts enzymes), and temperatures have offsets.
    # An enzyme's U and an international unit have no factor there; annotations in braces and logarithms neither.
    apart = ("insulin dose", "insulin rate", "temperature", "score", "steps", "filtration", "activity concentration",
             "acidity", "visual acuity")  # fmt: skip
    by_dimension: dict[str, list[Unit]] = {}
    for known in UNITS.values():
        if known.dimension not in apart:
            by_dimension.setdefault(known.dimension, []).append(known)
    checked = 0
    for units in by_dimension.values():
        first = units[0]
        for other in units[1:]:
            expected = ucum.value(other.code) / ucum.value(first.code)
            assert float(other.factor / first.factor) == pytest.approx(float(expected), rel=1e-15), other.code
            checked += 1
    assert checked >= 40
