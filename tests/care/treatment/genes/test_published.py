"""Published calls: what PharmCAT's own tests expect for given bases and missing positions.

The cases restate those of the classes NamedAlleleMatcher…Test of PharmCAT (read in its repository). Its tests ask
partly for every pair that explains the data and partly for the highest score; docs/genome.md says by which one rule
`matched` gives both.
"""

from collections.abc import Collection, Mapping

import pytest

from tests.care.treatment.genes.seen import called, names, possible

CASES: list[tuple[str, Mapping[str, str], Collection[str], list[str]]] = [
    ("CYP2C19", {"rs3758581": "GG"}, (), ["*1/*1"]),
    ("CYP2C19", {"rs12769205": "AG", "rs4244285": "GA", "rs3758581": "GG"}, (), ["*1/*2"]),
    ("CYP2C19", {"rs12248560": "CT", "rs28399504": "AG", "rs3758581": "GG"}, (), ["*1/*4"]),
    ("CYP2C19", {"rs12248560": "CT", "rs3758581": "GG"}, ("rs28399504",), ["*1/*17", "*1/*4"]),
    (
        "CYP2C19",
        {"rs12248560": "CT", "rs3758581": "GG"},
        ("rs28399504", "rs17882687", "rs1564656981", "rs1564657013", "rs1564660997", "rs1288601658", "rs17885179",
         "rs375781227", "rs72558186", "rs113934938"),
        ["*1/*17", "*1/*4"],
    ),
    ("CYP2C19", {"rs17882687": "AC", "rs3758581": "GG", "rs113934938": "GA"}, (), ["*1/*28"]),
    ("CYP2C19", {"rs12769205": "GG", "rs4244285": "AA"}, ("rs3758581",), ["*2/*2"]),
    ("CYP2C19", {"rs12769205": "AG", "rs4986893": "GA", "rs4244285": "GA"}, ("rs3758581",), ["*2/*3"]),
    ("CYP2C19", {"rs12248560": "CT", "rs28399504": "GG"}, ("rs3758581",), ["*4/*4"]),
    ("CYP2C19", {"rs12248560": "TT", "rs28399504": "AG"}, ("rs3758581",), ["*4/*17"]),
    ("CYP2C19", {"rs12248560": "TT", "rs28399504": "AG", "rs3758581": "GG"}, (), ["*4/*17"]),
    ("CYP2C19", {"rs17882687": "CC", "rs113934938": "GA"}, ("rs3758581", "rs17885179"), ["*15/*28", "*28/*39"]),
    ("CYP2C19", {"rs12248560": "TT", "rs28399504": "AG"}, (), []),
    ("CYP2C19", {"rs12248560": "TT"}, ("rs28399504",), []),
    ("CYP2C19", {"rs12769205": "AG", "rs4244285": "AA"}, (), []),
    ("CYP2C19", {"rs4244285": "GA", "rs3758581": "GG"}, ("rs12769205",), ["*1/*2", "*2/*35"]),
    ("CYP2C19", {"rs12769205": "AG", "rs3758581": "GG"}, (), ["*1/*35"]),
    ("CYP2C19", {"rs3758581": "GG"}, ("rs12248560",), ["*1/*1", "*1/*17", "*17/*17"]),
    ("CYP2C9", {}, (), ["*1/*1"]),
    ("CYP2C9", {"rs1799853": "CT", "rs1057910": "AC"}, (), ["*2/*3"]),
    ("CYP2C9", {"rs1799853": "CT", "rs749060448": "AG"}, (), ["*2/*24"]),
    ("CYP2C9", {"rs1799853": "CT", "rs749060448": "AA"}, (), []),
    ("CYP2C9", {"rs749060448": "AA"}, (), ["*24/*24"]),
    ("CYP4F2", {"rs3093105": "CA", "rs2108622": "CT"}, (), ["*1/*4"]),
    ("CYP4F2", {"rs3093105": "CC", "rs2108622": "CT"}, (), ["*2/*4"]),
    ("SLCO1B1", {}, (), ["*1/*1"]),
    ("SLCO1B1", {"rs2306283": "AG", "rs11045819": "CA", "rs4149056": "CT"}, (), ["*4/*15", "*5/*14"]),
    ("SLCO1B1", {"rs2306283": "AG", "rs4149056": "CC"}, (), ["*5/*15"]),
    ("SLCO1B1", {"rs2306283": "AG", "rs4149056": "TC"}, (), ["*1/*15", "*5/*37"]),
    ("SLCO1B1", {"rs2306283": "AG", "rs4149056": "TC"}, ("rs140790673",), ["*1/*15", "*5/*29", "*5/*37"]),
    (
        "SLCO1B1",
        {"rs2306283": "AG", "rs4149056": "TC"},
        ("rs140790673", "rs200995543"),
        ["*1/*15", "*5/*29", "*5/*37"],
    ),
    ("TPMT", {"rs1142345": "TC", "rs1800460": "CT"}, (), ["*1/*3A", "*3B/*3C"]),
    ("TPMT", {"rs1142345": "TC", "rs1800460": "TT"}, (), ["*3A/*3B"]),
    ("RYR1", {"rs137933390": "AG"}, (), ["Reference/c.4178A>G"]),
    ("RYR1", {"rs137933390": "AG"}, ("rs193922753",), ["Reference/c.4178A>G"]),
    ("DPYD", {"rs80081766": "CT"}, (), ["Reference/c.62G>A"]),
    (
        "DPYD",
        {"rs61622928": "TT", "rs1801159": "CC", "rs1801265": "AG"},
        (),
        ["[c.85T>C (*9A) + c.1218G>A + c.1627A>G (*5)]/[c.1218G>A + c.1627A>G (*5)]"],
    ),
    ("NAT2", {}, ("rs1801279",), []),
]  # fmt: skip


@pytest.mark.parametrize(("gene", "bases", "missing", "expected"), CASES, ids=lambda value: str(value)[:40])
def test_the_published_call_is_made(
    gene: str, bases: Mapping[str, str], missing: Collection[str], expected: list[str]
) -> None:
    call = called(gene, bases, missing)
    assert sorted(names(call)) == sorted(expected)
    assert set(names(call)) <= possible(call)


@pytest.mark.parametrize(
    ("bases", "expected"),
    [
        ({"rs80081766": "CT", "rs114096998": "GT"}, "Reference/[c.62G>A + c.3067C>A]"),
        ({"rs80081766": "TT", "rs114096998": "TT"}, "[c.62G>A + c.3067C>A]/[c.62G>A + c.3067C>A]"),
        (
            {"rs75017182": "GC", "rs56038477": "CT", "rs80081766": "TT", "rs114096998": "TT"},
            "[c.62G>A + c.1129-5923C>G, c.1236G>A (HapB3) + c.3067C>A]/[c.62G>A + c.3067C>A]",
        ),
    ],
)
def test_phased_dpyd_lists_what_lies_on_each_chromosome(bases: Mapping[str, str], expected: str) -> None:
    assert names(called("DPYD", bases, phase="")) == [expected]


def test_a_long_deletion_is_an_allele_like_others() -> None:
    call = called("CYP2C9", {"rs1799853": "CT", "rs1304490498": ("CAATGGAAAGA", "C")})
    assert names(call) == ["*2/*25"]
