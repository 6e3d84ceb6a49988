"""What was seen of a person's genome at positions that somebody asked about: the record's side of genetics.

A `Site` is a question and knows both genome builds; an `Observation` is the answer, in one frame whatever build the
file had; `Genotypes` are one person's answers with what had to be assumed for them. Nothing here knows what an allele
means.
"""

from typing import Literal

import msgspec

Build = Literal["GRCh38", "GRCh37"]
BUILDS: tuple[Build, ...] = ("GRCh38", "GRCh37")


class Place(msgspec.Struct, frozen=True, gc=False):
    """A position on the forward strand, counted from 1, and the bases of the reference genome from there on."""

    position: int
    reference: str


class Site(msgspec.Struct, frozen=True, gc=False):
    """A position that is asked about.

    `name` is its rs number where it has one. `alternates` are the alleles in the frame of `grch38.reference` (as VCF
    writes them: an indel begins with the base before it). `window` are the reference bases from the position on, as far
    as an indel may slide to the right and still be the same indel; without slide it is the reference. `grch37` is None
    where nobody has read the older position.

    >>> Site("rs4244285", "10", Place(94781859, "G"), ("A",)).window
    'G'
    """

    name: str
    chromosome: str
    grch38: Place
    alternates: tuple[str, ...]
    grch37: Place | None = None
    window: str = ""

    def __post_init__(self) -> None:
        if not self.window:
            msgspec.structs.force_setattr(self, "window", self.grch38.reference)

    def place(self, build: Build) -> Place | None:
        """Where the site lies in a build, or None where that was never read."""
        return self.grch38 if build == "GRCh38" else self.grch37

    @property
    def length_changes(self) -> bool:
        """Whether one of the alleles is an insertion or a deletion."""
        return any(len(allele) != len(self.grch38.reference) for allele in self.alternates)


class Observation(msgspec.Struct, frozen=True, gc=False):
    """What was seen at a site.

    `alleles` are two, or one where the chromosome is there once (or was reported so), in the frame of the site's
    GRCh38 reference; none where the site counts as not tested, and then `untested` says why. `phase` names the phase
    set: alleles with the same name stand on the chromosomes in the same order. None is unphased.
    """

    site: str
    alleles: tuple[str, ...] = ()
    phase: str | None = None
    untested: str = ""

    @property
    def tested(self) -> bool:
        """Whether there is an answer."""
        return bool(self.alleles)

    @property
    def heterozygous(self) -> bool:
        """Whether two different alleles were seen."""
        return len(set(self.alleles)) > 1


class Genotypes(msgspec.Struct, frozen=True):
    """One person's observations, one a site asked about, from one file.

    `assumptions` were made by whoever asked for the reading ("absent positions were taken for reference"); they hold
    for every statement that rests on these observations.
    """

    sample: str
    build: Build
    source: str
    observations: tuple[Observation, ...]
    assumptions: tuple[str, ...] = ()

    def by_site(self) -> dict[str, Observation]:
        """The observations under the names of their sites."""
        return {one.site: one for one in self.observations}
