"""A BED file of callable regions: where no variant means reference, because somebody looked there."""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pollux.errors import RefusedInput
from pollux.sources.vcf.blocks import inflated, lines, opened
from pollux.sources.vcf.header import chromosome

_COMMENTS = (b"#", b"track", b"browser")


class Regions(msgspec.Struct, frozen=True):
    """Regions by chromosome: rising starts, and for each the farthest end so far. Positions count from 1."""

    starts: dict[str, list[int]]
    ends: dict[str, list[int]]

    def cover(self, name: str, first: int, last: int) -> bool:
        """Whether every position from `first` to `last` lies in regions."""
        starts = self.starts.get(name, [])
        at = bisect_right(starts, first) - 1
        return at >= 0 and self.ends[name][at] >= last


def _merged(regions: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(regions):
        if joined and start <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def read(path: Path) -> Regions:
    """Read a BED file (plain or gzip). BED counts from 0 and leaves the end out.

    Raises `RefusedInput` for a row that is no region.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    number = 0
    with opened(path, path.name) as file:
        for block in lines(inflated(file, path.name), path.name):
            for line in block:
                number += 1
                if not line.strip() or line.startswith(_COMMENTS):
                    continue
                cells = line.rstrip(b"\r").split(b"\t")
                if len(cells) < 3 or not (cells[1].isdigit() and cells[2].isdigit()) or int(cells[1]) > int(cells[2]):
                    raise RefusedInput(
                        "this is no region",
                        where=f"{path.name} line {number}",
                        advice="Give a BED file: name, start, end.",
                    )
                name = chromosome(cells[0].decode("utf-8", "replace"))
                found.setdefault(name, []).append((int(cells[1]) + 1, int(cells[2])))
    if not found:
        raise RefusedInput("the file has no regions", where=path.name, advice="Give a BED file of callable regions.")
    merged = {name: _merged(regions) for name, regions in found.items()}
    return Regions(
        {name: [start for start, _ in regions] for name, regions in merged.items()},
        {name: [end for _, end in regions] for name, regions in merged.items()},
    )
