"""The sites that are asked for, arranged so that a row among millions finds those that it touches."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from pollux.errors import RefusedInput
from pollux.record.genotype import BUILDS, Build, Site
from pollux.sources.vcf.alleles import Frame, frame
from pollux.sources.vcf.row import Row

SHIFT = 10  # rows are sorted out by the kilobase that they begin in
REACH = 512  # bases that a row may be long without being looked at more closely
CROWD = 64  # rows at one site: more is no genome
APART = 20_000  # bases between sites that are fetched together


class Wanted:
    """The sites in both builds, and the rows that touched them. Which build the file is on shows only at the end."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self.near: dict[str, set[int]] = {}
        self.rows: dict[Build, dict[str, list[Row]]] = {build: {} for build in BUILDS}
        self._frames: dict[Build, dict[str, list[Frame]]] = {build: {} for build in BUILDS}
        self._starts: dict[Build, dict[str, list[int]]] = {build: {} for build in BUILDS}
        for build in BUILDS:
            held = [frame(site, place) for site in sites if (place := site.place(build)) is not None]
            for at in sorted(held, key=lambda one: one.place.position):
                name, start = at.site.chromosome, at.place.position
                self._frames[build].setdefault(name, []).append(at)
                self._starts[build].setdefault(name, []).append(start)
                self.near.setdefault(name, set()).update(range((start - REACH) >> SHIFT, (at.last + 1 >> SHIFT) + 1))

    def reaches(self, name: str, first: int, last: int) -> bool:
        """Whether a site lies between two positions, in either build."""
        for build in BUILDS:
            starts = self._starts[build].get(name, ())
            at = bisect_left(starts, first)
            if at < len(starts) and starts[at] <= last:
                return True
        return False

    def take(self, name: str, row: Row, where: str) -> None:
        """Keep a row with every site that it touches."""
        for build in BUILDS:
            starts = self._starts[build].get(name, [])
            begin = bisect_left(starts, row.position - REACH)
            for at in self._frames[build].get(name, [])[begin : bisect_right(starts, row.end)]:
                if row.position <= at.last + 1:
                    kept = self.rows[build].setdefault(at.site.name, [])
                    kept.append(row)
                    if len(kept) > CROWD:
                        raise RefusedInput(
                            f"more than {CROWD} rows speak of one position",
                            where=where,
                            advice="Export the file again.",
                        )

    def touched(self, build: Build) -> list[tuple[Frame, list[Row]]]:
        """The sites that rows touch if the file is on a build, with those rows."""
        rows = self.rows[build]
        held = (at for frames in self._frames[build].values() for at in frames)
        return [(at, rows[at.site.name]) for at in held if at.site.name in rows]

    def spans(self) -> Iterator[tuple[str, int, int]]:
        """Chromosome and stretch of sites that lie close together, in either build."""
        for build in BUILDS:
            for name, frames in self._frames[build].items():
                first = last = 0
                for at in frames:
                    if first and at.place.position - last > APART:
                        yield name, first, last
                        first = 0
                    first, last = first or at.place.position, max(last, at.last)
                yield name, first, last
