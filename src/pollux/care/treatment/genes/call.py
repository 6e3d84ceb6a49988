"""What is known of one gene in one person."""

import msgspec


class Diplotype(msgspec.Struct, frozen=True):
    """Two alleles of a gene (one where it is hemizygous or mitochondrial) and what they mean together.

    `alleles` are names as CPIC and PharmVar write them, with copy number where it counts ("*1", "*1x2", "*57:01");
    `functions` are CPIC's terms for each, in the same order. `phenotype` is CPIC's standard term for the gene ("Poor
    Metabolizer", "-1639 AA", "*57:01 positive"), or "Indeterminate". `activity_score` is None for genes without one.
    """

    alleles: tuple[str, ...]
    functions: tuple[str, ...]
    phenotype: str
    activity_score: float | None = None

    @property
    def name(self) -> str:
        """The alleles as they are written: `*1/*2`."""
        return "/".join(self.alleles)


class GeneCall(msgspec.Struct, frozen=True):
    """What a test says of one gene.

    `matched` are the best-scoring diplotypes; `possible` are all that the data allow, `matched` among them. Where
    nothing that defines the gene was tested both are empty. `tested` and `missing` are the positions the call rests on
    and those without a usable observation; `reasons` say why, in words. `provisional`: the point call must not carry
    dose advice (CYP2D6 without copy number); `possible` then holds every diplotype that copy number would allow.
    `assumptions` stand on every page that shows the call ("absent positions were taken for reference").
    `source` is "vcf" or "outside call"; `tables` is the version and date of the definitions.
    """

    gene: str
    matched: tuple[Diplotype, ...]
    possible: tuple[Diplotype, ...]
    tested: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    provisional: bool = False
    assumptions: tuple[str, ...] = ()
    source: str = ""
    tables: str = ""

    @property
    def phenotypes(self) -> tuple[str, ...]:
        """Every phenotype that the data allow, once each."""
        return tuple(dict.fromkeys(one.phenotype for one in self.possible))

    @property
    def certain(self) -> bool:
        """Whether the data allow one phenotype only."""
        return len(self.phenotypes) == 1 and not self.provisional
