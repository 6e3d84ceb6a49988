"""What the alleles of a gene are made of and what they do: the definitions, as they are read from `tables/`.

One text file a gene, made to be read and compared by people; `docs/decisions/0022-gene-tables.md` explains the form.
Definitions, functions and phenotypes are facts of CPIC, PharmVar and ClinPGx (public domain, CC0); each file says which
release it restates.
"""

from functools import cache
from importlib.resources import files
from itertools import product

import msgspec

from pollux.errors import ModelError, UnknownName
from pollux.record.genotype import Place, Site

AMBIGUITY = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"}  # IUPAC
UNASSIGNED = "Unassigned function"
INDETERMINATE = "Indeterminate"


class NamedAllele(msgspec.Struct, frozen=True, gc=False):
    """An allele: its function in CPIC's words, its activity value, and the bases that make it.

    `activity` is "" where the gene has no activity values and "n/a" where CPIC gives this allele none. `defined` maps
    the index of a site to the bases that the definition allows there: more than one where it has an ambiguity code.
    Sites not named hold what the gene's first allele holds.
    """

    name: str
    function: str
    activity: str
    defined: dict[int, tuple[str, ...]]


class Gene(msgspec.Struct, frozen=True):
    """A gene: its sites, its alleles (the reference allele first), and the rule from functions to phenotype.

    Two alleles with one name are one allele that is written in two ways (SLCO1B1 *45).

    `pairs` maps the sorted functions of one or two copies to a phenotype; `scores` gives phenotypes for sums of
    activity values, each with its lowest sum. `by_component` marks genes whose alleles are single variants that may
    lie together on one chromosome (DPYD, RYR1). `lenient` genes take an allele that no definition has for reference,
    as PharmCAT does. `top_score` genes are matched by score alone. `required` sites must all be tested for a match;
    `picks` name the pair that is by far the most frequent where unphased data allow all of a set.
    """

    name: str
    chromosome: str
    version: str
    sites: tuple[Site, ...]
    alleles: tuple[NamedAllele, ...]
    pairs: dict[tuple[str, ...], str]
    scores: tuple[tuple[float, str], ...] = ()
    by_component: bool = False
    lenient: bool = False
    top_score: bool = False
    required: frozenset[str] = frozenset()
    picks: tuple[tuple[str, frozenset[str]], ...] = ()

    @property
    def reference(self) -> NamedAllele:
        """The allele that all others are written against."""
        return self.alleles[0]

    def allele(self, name: str) -> NamedAllele | None:
        """The allele of a name, or None."""
        return next((one for one in self.alleles if one.name == name), None)


def bases(written: str) -> tuple[str, ...]:
    """The alleles that a written one stands for: an ambiguity code is several.

    >>> bases("R"), bases("CATAT")
    (('A', 'G'), ('CATAT',))
    """
    return tuple("".join(letters) for letters in product(*(AMBIGUITY.get(letter, letter) for letter in written)))


class _Lines:
    """The rows of one file, by kind."""

    def __init__(self, text: str) -> None:
        self.rows: dict[str, list[list[str]]] = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                kind, *cells = line.split("\t")
                self.rows.setdefault(kind, []).append(cells)

    def __getitem__(self, kind: str) -> list[list[str]]:
        return self.rows.get(kind, [])


def _site(chromosome: str, cells: list[str]) -> Site:
    name, position, reference, alternates, slide, older, older_reference = cells
    return Site(
        name,
        chromosome,
        Place(int(position), reference),
        tuple(alternates.split(",")),
        Place(int(older), older_reference) if older else None,
        reference + slide,
    )


def _allele(order: dict[str, int], cells: list[str]) -> NamedAllele:
    name, function, activity, defined = (*cells, "", "")[:4]
    pairs = (one.rpartition("=") for one in defined.split())
    return NamedAllele(name, function, activity, {order[site]: bases(base) for site, _, base in pairs})


def read_gene(text: str) -> Gene:
    """A gene from the text of its table."""
    lines = _Lines(text)
    name, chromosome, version = lines["gene"][0]
    sites = tuple(_site(chromosome, cells) for cells in lines["site"])
    order = {site.name: at for at, site in enumerate(sites)}
    if len(order) != len(sites):
        raise ModelError("two sites have one name", where=name)
    alleles = tuple(_allele(order, cells) for cells in lines["allele"])
    settings = {cells[0]: cells[1:] for cells in lines["setting"]}
    return Gene(
        name,
        chromosome,
        version,
        sites,
        alleles,
        {tuple(sorted(cells[:-1])): cells[-1] for cells in lines["rule"]},
        tuple((float(lowest), phenotype) for lowest, phenotype in lines["score"]),
        "by component" in settings,
        "undocumented is reference" in settings,
        "top score only" in settings,
        frozenset(settings.get("required", ())),
        tuple((cells[0], frozenset(cells[1:])) for cells in lines["pick"]),
    )


GENES = (
    "ABCG2", "CACNA1S", "CFTR", "CYP2B6", "CYP2C19", "CYP2C9", "CYP2D6", "CYP3A4", "CYP3A5", "CYP4F2", "DPYD", "G6PD",
    "IFNL3", "MT-RNR1", "NAT2", "NUDT15", "RYR1", "SLCO1B1", "TPMT", "UGT1A1", "VKORC1", "rs12777823",
)  # fmt: skip


@cache
def gene(name: str) -> Gene:
    """The definitions of a gene.

    Raises `UnknownName` for a gene without a table.

    >>> gene("TPMT").allele("*3B").function
    'No function'
    """
    if name not in GENES:
        raise UnknownName(f"there is no table for {name!r}", advice=f"There are: {', '.join(GENES)}.")
    return read_gene((files(__package__) / "tables" / f"{name}.tsv").read_text("utf-8"))


def sites(genes: tuple[str, ...] = GENES) -> tuple[Site, ...]:
    """Every position that the definitions of these genes rest on: what to ask a genome for."""
    return tuple(site for name in genes for site in gene(name).sites)
