"""CYP2D6: what is possible where copies were not counted, and what counted copies mean."""

import pytest

from pollux.care.treatment.genes.copies import structure
from pollux.care.treatment.genes.definition import gene
from tests.care.treatment.genes.seen import called, names, possible

CYP2D6 = gene("CYP2D6")


def test_a_call_from_bases_alone_is_provisional() -> None:
    call = called("CYP2D6")
    assert call.provisional
    assert not call.certain
    assert names(call) == ["*1/*1"]
    assert any("gene copies were not counted" in reason for reason in call.reasons)


def test_homozygous_bases_may_hide_a_deletion_and_a_duplication() -> None:
    call = called("CYP2D6", {"rs3892097": "TT", "rs1065852": "AA", "rs1135840": "GG"})
    assert "*4/*4" in possible(call)
    assert {"*4/*5", "*4/*4x2", "*4/*68 + *4"} <= possible(call)
    assert set(call.phenotypes) == {"Poor Metabolizer"}


def test_the_reference_may_be_poor_normal_or_ultrarapid_for_all_that_bases_say() -> None:
    assert set(called("CYP2D6").phenotypes) == {
        "Intermediate Metabolizer",
        "Normal Metabolizer",
        "Ultrarapid Metabolizer",
    }


def test_heterozygous_bases_show_two_copies_that_differ_so_that_none_is_deleted() -> None:
    call = called("CYP2D6", {"rs3892097": "CT"}, phase="")
    assert "*1/*4" in possible(call)
    assert not any("*5" in one.split("/") for one in possible(call))
    assert "*1x2/*4" in possible(call)


@pytest.mark.parametrize(
    ("written", "function", "activity"),
    [
        ("*1", "Normal function", "1.0"),
        ("*5", "No function", "0.0"),
        ("*1x2", "Increased function", "2.0"),
        ("*1x≥3", "Increased function", "≥3.0"),
        ("*1xN", None, None),
        ("*4x2", "No function", "0.0"),
        ("*9x2", "Decreased function", "0.5"),
        ("*10x2", "Decreased function", "0.5"),
        ("*17x2", "Normal function", "1.0"),
        ("*29x2", "Normal function", "1.0"),
        ("*41x2", "Decreased function", "0.5"),
        ("*41x3", "Decreased function", "0.75"),
        ("*36 + *10", "Decreased function", "0.25"),
        ("*36+*10x2", "Decreased function", "0.5"),
        ("*36x2 + *10", "Decreased function", "0.25"),
        ("*68 + *4", "No function", "0.0"),
        ("*68 + *2", "Normal function", "1.0"),
        ("*13 + *1x2", "Increased function", "2.0"),
        ("*13 + *68x2 + *4", "No function", "0.0"),
        ("*43x2", "Uncertain function", "n/a"),
        ("*999", None, None),
    ],
)
def test_structures_have_the_published_activity(written: str, function: str | None, activity: str | None) -> None:
    """Activity values of ClinPGx 2026-05-05, functions of PharmCAT's CPIC release of 2023 where it has them."""
    found = structure(CYP2D6, written)
    assert (found.function if found else None, found.activity if found else None) == (function, activity)
