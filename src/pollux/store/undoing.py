"""Taking an import back: what it said counts no more, from now on, and what others said stands as if it had not come.

The documents, quarantined things and statements of the import stay in their sealed rows; the chart notes its number as
undone. What another import brought as well gets a row under that import's number, so that it counts on.
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from pollux.errors import PolluxError, UnknownName
from pollux.record.entry import DEVICE_FILE
from pollux.record.event import Person, source_name
from pollux.record.quality import BEFORE_BIRTH
from pollux.record.record import Record
from pollux.store.audit import stamp
from pollux.store.bodies import KEPT, Kept, digest_of
from pollux.store.chart import Statement, read_chart
from pollux.store.columns import BY_HAND, Origin
from pollux.store.filing import Filing
from pollux.store.identity import unmerge
from pollux.store.imports import Counts, Noted, noted_in
from pollux.store.links import MERGED, index_links
from pollux.store.moved import pass_on
from pollux.store.open_chart import OpenChart, aside_of
from pollux.store.settling import Row, Settling
from pollux.store.tables import COUNT, DOCUMENT, WHOSE_IMPORT
from pollux.visible import visible


class Undone(msgspec.Struct, frozen=True):
    """What taking an import back did: how many events stand no more, how many stand as others said them."""

    number: int
    file: str = ""
    people: tuple[str, ...] = ()
    withdrawn: int = 0
    restored: int = 0
    stay: int = 0  # of its events, those that stand on since others say something of them
    also: tuple[int, ...] = ()  # these imports
    documents: int = 0  # that count no more
    known: int = 0  # documents of it that count on, since others brought them too
    judged: int = 0  # things in quarantine because of what it said of a person
    apart: tuple[str, ...] = ()  # ids that it had merged
    before: bool = False  # it was taken back already

    def text(self) -> str:
        """The account as lines for a person to read.

        >>> print(Undone(7, "a.csv", ("ada",), withdrawn=12, restored=1).text())
        import 7 (a.csv) is taken back: 12 events of ada stand no more
          1 event stands again as it stood before
        """
        name = f"import {self.number}" + (f" ({visible(self.file)})" if self.file else "")
        if self.before:
            return f"{name} was taken back already; nothing changed"
        whose = ", ".join(self.people[:5]) or "nobody"
        one = self.withdrawn == 1
        lines = [f"{name} is taken back: {_count(self.withdrawn, 'event')} of {whose} stand{'s' * one} no more"]
        if self.restored:
            again = "stands again as it" if self.restored == 1 else "stand again as they"
            lines.append(f"  {_count(self.restored, 'event')} {again} stood before")
        if self.stay:
            others = ", ".join(str(one) for one in self.also[:5]) + (" and others" if len(self.also) > 5 else "")
            lines.append(f"  {self.stay:,} of its events stand on, as import {others or 'others'} says them")
        if self.documents:
            lines.append(
                f"  {_count(self.documents, 'document')} {'count' if self.documents > 1 else 'counts'} no more"
            )
        if self.known:
            lines.append(
                f"  {_count(self.known, 'document')} of it count on, as others brought them or as they were before"
            )
        if self.judged:
            lines.append(f"  {_count(self.judged, 'thing')} in quarantine: judged by what it said of the person; "
                         "`pollux reread` judges anew")  # fmt: skip
        lines += [f"  {id} is a person of their own again" for id in self.apart]
        return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def undo(filing: Filing, number: int, now: datetime) -> Undone:
    """Take an import back; raises `PolluxError` where a move or a merge by hand stands against it."""
    charts = list(_touched(filing, number))
    files = [note.taking.file for chart in charts for note in _notes(chart) if note.number == number]
    people = tuple(sorted({chart.chart.person for chart in charts} - {""}))
    if all(number in chart.chart.undone for chart in charts):
        return Undone(number, files[0], people, before=True)
    settling = Settling(filing, now)
    ids = {chart.chart.person: settling.told(chart.chart.person).ids_of(number) for chart in charts}
    documents = {chart.chart.person: list(documents_of(chart)) for chart in charts}
    names = {
        f"{kept.kind}/{kept.id}"
        for some in documents.values() for _, _, kept in some if kept.number == number and kept.kind != DEVICE_FILE
    }  # fmt: skip
    again = set()
    for chart in charts:
        rows = settling.told(chart.chart.person).rows_again(number)
        again |= {f"{kept.kind}/{kept.id}" for row, _, kept in documents[chart.chart.person] if row in rows}
        told = settling.told(chart.chart.person)
        told.parts = file_parts(documents[chart.chart.person])
        for part in (part for part, row in told.parts.items() if row in rows):
            ids[chart.chart.person] |= {event.id for event in told.said_in(part)}
        brought = {f"{kept.kind}/{kept.id}" for row, _, kept in documents[chart.chart.person]
                   if kept.number == number or row in rows}  # fmt: skip
        _refuse_moved(filing, chart, number, ids[chart.chart.person] | brought)
    before = {name: settling.standing(name) for name in names}
    apart = [id for chart in charts for id in _take_back(filing, chart, number, documents[chart.chart.person], now)]
    filing.close()
    settling.forget()
    changed = again | {name for name in names if _differs(before[name], settling.standing(name), number)}
    for name in sorted(changed):
        _pass_back(filing, name, settling.document(name), now)
    for person, some in ids.items():
        settling.events(person, {id for id in some if source_name(id) not in changed})
    filing.close()
    for person in ids:
        _keep_listed(filing.chart(person), now)
        _refuse_emptied(filing.chart(person), number)
    also = (
        {one for person, some in ids.items() for one in settling.told(person).also_by(some)} if settling.stay else set()
    )
    gone = sum(not settling.standing(name) for name in names)
    judged = sum(_judged(chart, number) for chart in charts)
    return Undone(number, files[0], people, settling.withdrawn, settling.restored, settling.stay,
                  tuple(sorted(also)), gone, len(names) - gone, judged, tuple(apart))  # fmt: skip


def _judged(chart: OpenChart, number: int) -> int:
    """How much lies in quarantine because of a birth date that an import stated."""
    if not any(one.number == number and one.person.birth_date for one in chart.chart.taken_back):
        return 0
    return sum(
        item.finding.rule == BEFORE_BIRTH and not chart.chart.void_aside(row, origin.number)
        for row, origin, item in aside_of(chart)
    )


def _touched(filing: Filing, number: int) -> Iterator[OpenChart]:
    """The charts in which an import noted something."""
    whos = filing.connection.execute(WHOSE_IMPORT, {"of": number}).scalars().all()
    if not whos:
        raise _not_there(filing.connection, number)
    for who in sorted(whos):
        keyed = filing.keys.find_who(who)
        found = read_chart(filing.connection, keyed) if keyed else None
        if found is not None:
            yield filing.chart(found[0].person)


def _not_there(connection: Connection, number: int) -> PolluxError:
    if number == 0:
        return PolluxError("what came before imports were counted cannot be taken back at once",
                           advice="Correct it at its source, or see `pollux move` and `pollux erase`.")  # fmt: skip
    if 0 < number <= int(connection.execute(COUNT).scalar() or 0):
        return PolluxError(f"nothing of import {number} is here", where=f"import {number}",
                           advice="It changed nothing (as reading again may), or whoever it was about was erased; "
                           "there is nothing to take back.")  # fmt: skip
    return UnknownName(f"there is no import {number}", advice="`pollux imports` lists them.")


def _notes(chart: OpenChart) -> Iterator[Noted]:
    return noted_in(chart.connection, chart.keyed, chart.chart)


def documents_of(chart: OpenChart) -> Iterator[tuple[int, bytes, Kept]]:
    """The documents of a chart as their rows hold them."""
    who = chart.keyed.who
    columns = (DOCUMENT.c.number, DOCUMENT.c.name, DOCUMENT.c.mark, DOCUMENT.c.sealed)
    rows = chart.connection.execute(select(*columns).where(DOCUMENT.c.who == who).order_by(DOCUMENT.c.number))
    for number, name, mark, sealed in rows.all():
        yield number, mark, KEPT.decode(chart.keyed.cipher.open(sealed, "document", who, number, name, mark))


def _differs(before: list[Row], after: list[Row], number: int) -> bool:
    """Whether another version of a document stands, or the same one as another import brought it."""
    said = [[(owner, mark) for owner, _, mark, _ in some] for some in (before, after)]
    return said[0] != said[1] or any(kept.number == number for *_, kept in before)


# What stands against it


def _refuse_moved(filing: Filing, chart: OpenChart, number: int, names: set[str]) -> None:
    """What was moved by hand since has to be moved back first."""
    names = names | {source_name(name) for name in names}
    person = chart.chart.person
    away = next((one for one in chart.chart.moves if names & set(one.names) & set(chart.chart.hidden)), None)
    if away is not None:
        right = _called(filing, away.to)
        some = sorted(names & set(away.names))
        raise _moved(number, some, person, right)
    here = next((one for one in chart.chart.arrivals if names & set(one.names)), None)
    if here is not None:
        some = sorted(names & set(here.names))
        there = Settling(filing, datetime.max).told(person).there
        first = {id for id, sayings in there.items() if sayings[0][1] == BY_HAND}  # else it is back where it was
        if first & names or {source_name(id) for id in first} & set(some):
            raise _moved(number, some, _called(filing, here.source), person)


def _moved(number: int, some: list[str], wrong: str, right: str) -> PolluxError:
    return PolluxError(
        f"import {number} cannot be taken back: {', '.join(some[:3])} of it was moved from {wrong} to {right} since",
        where=f"import {number}",
        advice=f"Move it back first: pollux move {' '.join(some[:3])} --wrong {wrong} --right {right} --back.",
    )


def _called(filing: Filing, pseudonym: str) -> str:
    keyed = filing.keys.find_who(bytes.fromhex(pseudonym))
    found = read_chart(filing.connection, keyed) if keyed else None
    return found[0].person if found else "somebody who was erased"


def _keep_listed(chart: OpenChart, now: datetime) -> None:
    """Somebody to whom something was moved by hand stays here with it."""
    one = chart.chart
    if not one.person or one.stated or not one.arrivals:
        return
    if Record(Person(one.person), tuple(chart.everything())).current:
        chart.state(Person(one.person), stamp(now), "device")


def _refuse_emptied(chart: OpenChart, number: int) -> None:
    """A person of whom nothing is left may not stay merged with another."""
    one = chart.chart
    if one.stated or not (one.into or one.also):
        return
    duplicate, other = (one.person, one.into) if one.into else (one.also[0], one.person)
    raise PolluxError(
        f"import {number} cannot be taken back: all that is known of {one.person} came with it, and {duplicate} was "
        f"merged into {other} since",
        where=f"import {number}",
        advice=f"Take them apart first: pollux unmerge {duplicate}.",
    )


# What counts no more


def _take_back(
    filing: Filing, chart: OpenChart, number: int, documents: list[tuple[int, bytes, Kept]], now: datetime
) -> list[str]:
    """Note that an import counts no more; what others said as well gets rows of theirs. Ids taken apart by it."""
    notes = [note for note in _notes(chart) if note.number not in {*chart.chart.undone, number}]
    chart.chart.undone = [*chart.chart.undone, number]
    chart.changed = True
    for row, mark, kept in documents:
        also = next(((note, part) for note in notes for part, at in note.documents if at == row), None)
        if kept.number == number and also is not None:
            note, part = also
            chart.keep_document(kept.document(), mark, note.at, kept.updated, Origin(note.number, part))
    _quarantined(filing, chart, number, notes)
    _stated(chart, number, notes)
    return _unlink(filing, chart, number, notes)


def _quarantined(filing: Filing, chart: OpenChart, number: int, notes: list[Noted]) -> None:
    others = {mark: note.number for note in reversed(notes) for mark in note.quarantined}
    for _, origin, item in list(aside_of(chart)) if others else ():
        mark = filing.keys.mark("quarantine", digest_of(item))
        if mark in others and origin.number == number:
            chart.quarantine(item, digest_of(item), Origin(others[mark]))


def _stated(chart: OpenChart, number: int, notes: list[Noted]) -> None:
    """What is stated of the person without this import; their bare id, where others said something of them."""
    stated = [one for one in chart.chart.stated if one.number != number]
    there = {(one.person, one.by, one.number) for one in stated}
    stated += [
        Statement(note.at, person, by, note.number)
        for note in notes for person, by in note.persons if (person, by, note.number) not in there
    ]  # fmt: skip
    person = chart.chart.person
    others = [note for note in notes if msgspec.structs.replace(note.counts, withdrawn=0) != Counts()]
    if not stated and others and person:
        stated = [Statement(others[0].at, Person(person), "device", others[0].number)]
    chart.chart.taken_back += [one for one in chart.chart.stated if one.number == number]
    chart.chart.stated = sorted(stated, key=lambda one: one.learned)


def _unlink(filing: Filing, chart: OpenChart, number: int, notes: list[Noted]) -> list[str]:
    others = {(one.duplicate, one.into): note.number for note in reversed(notes) for one in note.links}
    links, apart = [], []
    for one in chart.chart.links:
        also = others.get((one.duplicate, one.into))
        if one.number != number:
            links.append(one)
        elif also is not None:
            links.append(msgspec.structs.replace(one, number=also))
        elif one.state == MERGED:
            unmerge(filing, one.duplicate)
            apart.append(one.duplicate)
    chart.chart.links = links
    index_links(chart, filing.keys)
    return apart


def _pass_back(filing: Filing, name: str, owner: str, now: datetime) -> None:
    """A document is theirs whom the version that stands names; where none is left it is passed on by nobody."""
    owners = sorted({one[0] for one in filing.document_rows(name)})
    others = [one for one in owners if one and one != owner]
    passed = any(name in filing.chart(one).chart.passed for one in owners)
    if owner and others and passed:
        pass_on(filing, name, others, owner, stamp(now))
        return
    for one in owners if passed else ():
        chart = filing.chart(one)
        chart.chart.passed = [known for known in chart.chart.passed if known != name]
        chart.changed = True


def file_parts(documents: list[tuple[int, bytes, Kept]]) -> dict[Origin, int]:
    """Which document of which import a device's file is, with the row of its first piece."""
    found: dict[Origin, int] = {}
    for row, _, kept in documents:
        if kept.kind == DEVICE_FILE:
            found.setdefault(Origin(kept.number, kept.part), row)
    return found
