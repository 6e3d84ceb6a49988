"""Insulin is told apart by codes and names; what is not known is not guessed."""

import pytest

from pollux.vocabulary import ATC, RXNORM, SNOMED, Insulin, insulin_for_code, insulins, insulins_in, term


@pytest.mark.parametrize("entry", insulins(), ids=lambda entry: str(entry.name))
def test_each_preparation_is_whole(entry: Insulin) -> None:
    assert entry.source
    assert entry.words or entry.atc
    assert entry.quantity == "" or term(entry.quantity).unit == "U"
    for word in entry.words:
        assert word == word.casefold()
        assert entry in insulins_in(f"(Insulin) {word.upper()}, 100 units/mL")


def test_a_code_stands_for_one_preparation() -> None:
    for system, column in ((ATC, "atc"), (RXNORM, "rxnorm"), (SNOMED, "snomed")):
        codes = [code for entry in insulins() for code in getattr(entry, column)]
        assert len(codes) == len(set(codes)), column
        for entry in insulins():
            for code in getattr(entry, column):
                assert insulin_for_code(system, code) is entry


@pytest.mark.parametrize(
    ("code", "quantity"),
    [("A10AB05", "insulin_bolus"), ("A10AC01", "insulin_long_acting"), ("A10AE05", "insulin_long_acting"),
     ("A10AD05", ""), ("A10AE56", ""), ("A10AE07", ""), ("A10AF01", "")],
)  # fmt: skip
def test_an_atc_code_tells_the_action(code: str, quantity: str) -> None:
    found = insulin_for_code(ATC, code)
    assert found is not None
    assert found.quantity == quantity


def test_what_is_not_known_is_not_guessed() -> None:
    assert insulin_for_code(ATC, "A10BA02") is None
    assert insulin_for_code(ATC, "A10A") is None
    assert insulin_for_code("http://example.org", "86009") is None
    assert insulins_in("Insulin") == ()
    assert insulins_in("aspartame and mixture") == ()
