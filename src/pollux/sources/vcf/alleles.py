"""From the rows that touch a site to what was seen there.

Every allele of a row is turned into changes of the reference bases around the site (its window). Two changes that
give the same bases are the same allele, however they were written: padded, trimmed, or slid along a repeat. So
nothing has to be left-aligned, and no reference genome is needed.
"""

from collections.abc import Iterable, Sequence

import msgspec

from pollux.record.genotype import Observation, Place, Site
from pollux.sources.vcf.quality import reason_against
from pollux.sources.vcf.row import Row

Change = tuple[int, str, str]  # offset in the window, bases there, bases instead
Changes = tuple[Change, ...]


class Frame(msgspec.Struct, frozen=True):
    """A site in one build: its window of reference bases, and which bases each known allele makes of it."""

    site: Site
    place: Place
    window: str
    known: dict[str, str]

    @property
    def last(self) -> int:
        """The last position of the window."""
        return self.place.position + len(self.window) - 1

    @property
    def core(self) -> int:
        """The last position that the reference allele covers."""
        return self.place.position + len(self.place.reference) - 1


def frame(site: Site, place: Place) -> Frame:
    """The site as a build has it."""
    slide = site.window[len(site.grch38.reference) :]
    known = {allele + slide: allele for allele in (*site.alternates, site.grch38.reference)}
    return Frame(site, place, place.reference + slide, known)


def trimmed(position: int, reference: str, alternate: str) -> tuple[int, str, str]:
    """A change without the bases that both sides share.

    >>> trimmed(100, "CAT", "CATAT"), trimmed(100, "AG", "TG")
    ((103, '', 'AT'), (100, 'A', 'T'))
    """
    while reference and alternate and reference[0] == alternate[0]:
        position, reference, alternate = position + 1, reference[1:], alternate[1:]
    while reference and alternate and reference[-1] == alternate[-1]:
        reference, alternate = reference[:-1], alternate[:-1]
    return position, reference, alternate


def changes(at: Frame, row: Row, letter: str) -> Changes | None:
    """What an allele of a row does to the window: nothing, something, or (None) something that cannot be told.

    Substitutions are taken base by base; they are no business of a site that is an insertion or a deletion.
    """
    if letter == row.reference:
        return ()
    if letter == "*" or not letter.isalpha():
        return None
    start, taken, put = trimmed(row.position, row.reference, letter)
    first = at.place.position
    if len(taken) == len(put):
        if at.site.length_changes:
            return ()
        single = [(start + n - first, a, b) for n, (a, b) in enumerate(zip(taken, put, strict=True)) if a != b]
        return tuple(one for one in single if 0 <= one[0] < len(at.place.reference))
    end = start + len(taken) - 1
    if end < first or start > at.last + (0 if taken else 1):
        return ()
    offset = start - first
    if not at.site.length_changes:
        return () if not taken else None
    if offset < 1:
        return None if end >= first + 1 else ()
    if end > at.last:
        return None
    return ((offset, taken, put),)


def applied(at: Frame, made: Changes) -> str | None:
    """The allele that changes make of the reference, in the frame of the site; None where they overlap.

    An allele that the site does not know comes out as the bases in place of the reference allele.
    """
    bases, edge = at.window, len(at.window)
    for offset, taken, put in sorted(made, reverse=True):
        if offset + len(taken) > edge:
            return None
        bases = bases[:offset] + put + bases[offset + len(taken) :]
        edge = offset
    if bases in at.known:
        return at.known[bases]
    slide = at.window[len(at.place.reference) :]
    return bases[: len(bases) - len(slide)] if slide and bases.endswith(slide) else bases


class Spoken(msgspec.Struct, frozen=True):
    """What one row says of a site: for each called allele, what it does to the window (None: cannot be told).

    `across` marks a row that is only about an indel reaching over the site.
    """

    row: Row
    made: tuple[Changes | None, ...]
    across: bool

    @property
    def changed(self) -> bool:
        """Whether one of the called alleles is not the reference."""
        return any(one is None or one for one in self.made)

    @property
    def key(self) -> tuple[tuple[Changes | None, ...], bool]:
        """What makes two rows say the same."""
        return self.made, self.row.phased


def spoken(at: Frame, row: Row) -> Spoken | None:
    """What a row says of a site, or None if it is about something else.

    A row speaks of a site when one of its alleles changes the window, when it has the very base, or when it is a
    block of reference over all bases of the reference allele. A substitution beside an indel says nothing of the
    indel.
    """
    effects = [changes(at, row, letter) for letter in row.letters]
    base = row.position == at.place.position and row.reference == at.place.reference and not at.site.length_changes
    covers = row.plain and row.position <= at.place.position and row.end >= at.core
    written = [one for letter, one in zip(row.letters, effects, strict=True) if letter.isalpha()]
    own = base or covers or any(written)
    if not (own or None in written):
        return None
    return Spoken(row, tuple(None if one is None else effects[one] for one in row.called), not own)


def observation(at: Frame, rows: Iterable[Row], depths_fit: bool) -> Observation | None:
    """What the rows say was seen at the site, or None if none of them speaks of it."""
    said = [one for one in (spoken(at, row) for row in rows) if one is not None]
    own = [one for one in said if not one.across]
    if not said or (not own and not any(one.changed for one in said)):
        return None
    said = own or said  # a row of the site's own says more than an indel that reaches over it
    differing = [one for one in said if one.changed or None in one.row.called]
    if not differing:
        reasons = [reason_against(one.row, depths_fit) for one in said]
        if all(reasons):
            return Observation(at.site.name, untested=reasons[0])
        good = next(one for one, reason in zip(said, reasons, strict=True) if not reason)
        return Observation(at.site.name, (_reference(at),) * len(good.made))
    for one in differing:
        if reason := reason_against(one.row, depths_fit) or _unreadable(one):
            return Observation(at.site.name, untested=reason)
    unique = list({one.key: one for one in differing}.values())
    return _together(at, unique)


def _reference(at: Frame) -> str:
    return at.known.get(at.window, at.place.reference)


def _unreadable(one: Spoken) -> str:
    for called, made in zip(one.row.called, one.made, strict=True):
        if made is None:
            letter = one.row.letters[called or 0]
            if letter.isalpha():
                return "another insertion or deletion reaches over it"
            return "a deletion reaches over it" if letter == "*" else f"the allele {letter} is not written out"
    return ""


def _together(at: Frame, said: Sequence[Spoken]) -> Observation:
    """One genotype from several rows that tell of some alleles each: rows split by allele, or neighbouring bases."""
    if len({len(one.made) for one in said}) > 1:
        return Observation(at.site.name, untested="rows contradict each other")
    if len(said) == 1:
        return _one(at, said[0].made, said[0].row)
    copies = [[made for one in said if (made := one.made[n])] for n in range(len(said[0].made))]
    aligned = all(one.row.phased or len(set(one.made)) == 1 for one in said)
    if len({one.row.fields.get("PS") for one in said if len(set(one.made)) > 1}) > 1:
        aligned = False
    if not aligned:
        flat = [made for one in said for made in one.made if made]
        if len(flat) > len(copies) or len({made[0][0] for made in flat}) > 1:
            return Observation(at.site.name, untested="rows contradict each other, or are not phased")
        copies = [[flat[n]] if n < len(flat) else [] for n in range(len(copies))]
    merged = tuple(tuple(change for made in copy for change in made) for copy in copies)
    return _one(at, merged, said[0].row if aligned else msgspec.structs.replace(said[0].row, phased=False))


def _one(at: Frame, made: Sequence[Changes | None], row: Row) -> Observation:
    alleles = tuple(applied(at, one or ()) for one in made)
    if None in alleles:
        return Observation(at.site.name, untested="rows contradict each other")
    phase = f"{row.fields.get('PS', '')}" if row.phased and len(alleles) == 2 else None
    return Observation(at.site.name, tuple(one for one in alleles if one is not None), phase)
