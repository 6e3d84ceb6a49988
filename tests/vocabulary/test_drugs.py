import csv

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pollux.errors import UnknownName
from pollux.vocabulary import ATC, RXNORM, drug, drug_for_code, drugs, drugs_in
from tests.conftest import ReferenceFolder


def test_a_name_or_code_stands_for_one_drug() -> None:
    words = [word.casefold() for one in drugs() for word in (one.name, *one.words)]
    codes = [one.rxnorm for one in drugs() if one.rxnorm]
    assert len(words) == len(set(words))
    assert len(codes) == len(set(codes))


@given(some.sampled_from(drugs()), some.sampled_from(["{} 20 mg", "Tab. {}, oral", "{}"]))
def test_a_drug_is_found_by_its_name_in_a_line_of_a_list(one: object, line: str) -> None:
    assert one in drugs_in(line.format(one.name.upper()))  # type: ignore[attr-defined]


def test_a_drug_is_found_by_its_code_and_an_unknown_code_is_nothing() -> None:
    for one in drugs():
        if one.rxnorm:
            assert drug_for_code(RXNORM, one.rxnorm) == one
    assert drug_for_code(RXNORM, "0") is None
    assert drug_for_code(ATC, "C10AA01") == drug("simvastatin")
    assert drug_for_code("http://elsewhere", "36567") is None


@pytest.mark.parametrize("text", ["Wundermittel", "", "ome prazole", "codein"])
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    assert drugs_in(text) == ()
    with pytest.raises(UnknownName, match="no drug is named"):
        drug(text)


@pytest.mark.reference
def test_codes_are_those_of_the_table_they_were_read_in(reference: ReferenceFolder) -> None:
    with (reference / "genomics/pypgx/cpic-table.csv").open(encoding="utf-8") as table:
        stated = {row["RxNorm"]: set(row["ATC"].replace(" ", "").split(",")) for row in csv.DictReader(table)}
    for one in drugs():
        if one.rxnorm:
            assert set(one.atc) == stated[one.rxnorm] - {"NA", ""}, one.name
