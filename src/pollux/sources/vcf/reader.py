"""Reads a VCF: bytes to observations at the positions that are asked for."""

from collections.abc import Sequence
from pathlib import Path

from pollux.record.genotype import BUILDS, Build, Genotypes, Observation, Site
from pollux.sources.vcf import bed
from pollux.sources.vcf.alleles import frame, observation
from pollux.sources.vcf.blocks import opened
from pollux.sources.vcf.build import settle, unavailable
from pollux.sources.vcf.gathering import gather
from pollux.sources.vcf.header import CAMBRIDGE, Header
from pollux.sources.vcf.wanted import Wanted

ABSENT = "absent from the file"
ASSUMED = "positions absent from the file were taken for reference"
CALLABLE = "positions without a row in callable regions were taken for reference"


def read(
    path: Path | str,
    sites: Sequence[Site],
    *,
    sample: str = "",
    build: Build | None = None,
    callable_regions: Path | str | None = None,
    absent_is_reference: bool = False,
) -> Genotypes:
    """What a VCF (or gVCF; plain, gzip or bgzip) says of one sample at the sites asked for.

    `sample` may be left out where the file has one. `build` need only be said where the file does not say it. A site
    without a row counts as not tested, unless it lies in `callable_regions` (a BED file) or `absent_is_reference` is
    set: that becomes an assumption of the result. An index beside a bgzip file (.tbi, .csi) is used if it is not older
    than the file.

    Raises `RefusedInput` for a file that is truncated or broken, holds no variants, has several samples of which none
    was named, or whose reference alleles are not those of its genome build. Nothing is returned then.
    """
    path = Path(path)
    regions = bed.read(Path(callable_regions)) if callable_regions is not None else None
    wanted = Wanted(sites)
    with opened(path, path.name) as file:
        begun = gather(file, path, wanted, sample)
    settled = settle({one: wanted.touched(one) for one in BUILDS}, begun.header.build, build, path.name)
    assumption = ASSUMED if absent_is_reference else CALLABLE
    found, assumed = [], False
    for site in sites:
        one = _observe(site, settled, wanted, begun.header)
        if one is None and (absent_is_reference or (regions and _callable(site, settled, regions))):
            one, assumed = _reference(site, settled), True
        found.append(one or Observation(site.name, untested=ABSENT))
    sample = begun.header.samples[begun.column - 9]
    name = path.name.encode("utf-8", "replace").decode()
    return Genotypes(sample, settled, name, tuple(found), (assumption,) if assumed else ())


def _observe(site: Site, build: Build, wanted: Wanted, header: Header) -> Observation | None:
    """What the rows say was seen at a site, why it cannot be looked for in this file, or None where no row speaks."""
    if why := unavailable(site, build, header.contigs, CAMBRIDGE):
        return Observation(site.name, untested=why)
    place = site.place(build)
    rows = wanted.rows[build].get(site.name)
    return observation(frame(site, place), rows, header.depths_fit) if rows and place else None


def _callable(site: Site, build: Build, regions: bed.Regions) -> bool:
    place = site.place(build)
    if place is None:
        return False
    return regions.cover(site.chromosome, place.position, place.position + len(place.reference) - 1)


def _reference(site: Site, build: Build) -> Observation:
    """The reference of the file's own build, which is not always the other one's."""
    place = site.place(build) or site.grch38
    allele = place.reference if len(place.reference) == 1 else site.grch38.reference
    return Observation(site.name, (allele,) * (1 if site.chromosome == "MT" else 2))
