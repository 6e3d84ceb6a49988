"""Taking files in, and back; and what is there since."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, time
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from pollux.cli.app import StorePath, app, open_store
from pollux.cli.outputs import check_outputs
from pollux.cli.printing import hint, say, say_text
from pollux.errors import PolluxError, RefusedInput
from pollux.output import output
from pollux.visible import visible

if TYPE_CHECKING:
    from pollux.record.budget import Limits
    from pollux.record.entry import Entry
    from pollux.sources.fhir import Responses
    from pollux.store import Imported, Store

Json = Annotated[bool, Parameter(help="Print it as JSON.", negative="")]
NO_OFFSET = "no offset"  # the rule by which a time of day without one is quarantined
_SILENT = 1.0  # seconds after which a terminal is told how far it is, and again each second


class Asked(msgspec.Struct, frozen=True):
    """How files are to be taken in."""

    person: str
    timezone: str
    sender: str
    insist: bool
    as_of: str
    limits: "Limits"


@app.command(name="import")
def take(
    *files: Path,
    person: Annotated[str, Parameter(help="Whose device files these are; needed if several people are known.")] = "",
    timezone: Annotated[str, Parameter(help="IANA zone of times that state none, such as Europe/Berlin.")] = "",
    answers: Annotated[
        Path | None, Parameter(help="Write what became of each entry: a FHIR transaction-response a bundle.")
    ] = None,
    sender: Annotated[
        str, Parameter(help="Who sent these records, such as clinic-a: it stands in front of their ids.")
    ] = "",
    insist: Annotated[
        bool, Parameter(help="Take a device's file though it contradicts the record, which holds.", negative="")
    ] = False,
    as_of: Annotated[
        str, Parameter(help="The day that counts as today, for data whose dates were shifted: 2150-03-01.")
    ] = "",
    limits: Annotated[
        str, Parameter(help="What one file may cost, such as cpu=600,versions=50000 (default: $POLLUX_LIMITS).")
    ] = "",
    store: StorePath = "",
) -> None:
    """Take files into the store: FHIR R4, Dexcom Clarity, Nightscout, or time,quantity,value,unit tables.

    The format is recognised by content. Each file is one import with a number: it is taken whole, with bad rows in
    quarantine, or refused with the reason. Taking a file twice changes nothing; `pollux undo` takes one back.
    """
    from pollux.record.budget import limits as in_force
    from pollux.record.entry import LONGEST_ID, SIGNS, is_id

    if not files:
        raise RefusedInput("no file is named", advice="Write: pollux import FILE [FILE …].")
    if person and not is_id(person):
        raise RefusedInput(f"a person's id has {SIGNS}, at most {LONGEST_ID}", where="--person")
    asked = Asked(person, timezone, sender, insist, _day(as_of), in_force(limits))
    check_outputs([answers], files, store)
    in_order = sorted(files, key=_is_device)  # a file that is not there is told before a store is made for it
    with ExitStack() as open_files:
        told = _told(answers, open_files) if answers else None
        kept = open_files.enter_context(open_store(store, make=True))
        for path in in_order:
            _take_file(kept, path, asked, told)
    if answers:
        say(answers)


def _day(text: str) -> str:
    if not text:
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise RefusedInput(
            f"{text[:40]!r} is no day", where="--as-of", advice="Write for example 2150-03-01."
        ) from None


def _told(path: Path, open_files: ExitStack) -> "Responses":
    """The file of answers, opened before anything is taken; it is kept once a file was, whatever comes of the next."""
    from pollux.sources.fhir import Responses

    out = open_files.enter_context(output(path, worth=lambda: told.files > 0))
    told = open_files.enter_context(Responses(out))
    return told


def _take_file(kept: "Store", path: Path, asked: Asked, told: "Responses | None") -> None:
    """Take one file, say what became of it, and write the answers to it, whatever becomes of the next one."""
    from pollux.record import Person
    from pollux.record.entry import Entry
    from pollux.sources import format_of, is_device, read, says_whose, version_of
    from pollux.sources import kept as as_received
    from pollux.store import Taking

    now = datetime.now(UTC)
    clock = datetime.combine(date.fromisoformat(asked.as_of), time.max, UTC) if asked.as_of else now
    format, itself = format_of(path), says_whose(path)
    device = is_device(format)
    owner = "" if not device else asked.person if itself else _owner(kept, asked.person)
    zone = asked.timezone or _zone(kept, owner)
    entries = read(
        path, learned=now, person=owner, timezone=zone, sender=asked.sender, insist=asked.insist, limits=asked.limits
    )
    if device:
        introduced = [] if itself else [Entry(owner, Person(owner), by="user")]
        entries = chain(introduced, as_received(path, owner), entries)
    name = path.name.encode("utf-8", "replace").decode()  # as the file is called in what it said
    stated = asked.timezone if not device else zone
    taking = Taking(name, format, version_of(format), owner, stated, asked.sender, asked.as_of)
    receipt = kept.take(
        waited_for(entries, path.name),
        now,
        told.tell if told else None,
        taking=taking,
        insist=asked.insist,
        clock=clock,
        limits=asked.limits,
    )
    if told:
        told.taken()
    say_text(f"{visible(path.name)}: {receipt.text()}")
    if receipt.changed:
        say(f"  import {receipt.number}; `pollux undo {receipt.number}` takes it back")
    if not device and asked.person and receipt.people and asked.person not in receipt.people:
        say(f"  this record speaks of {', '.join(receipt.people[:3])} and not of {asked.person}: a record says itself")
        say(f"  whom it is about. If they are one person: pollux merge {receipt.people[0]} --into {asked.person}")
    for one in receipt.people if asked.timezone and not device else ():
        say(f"  the time zone of {one} is {asked.timezone}")
        if any(aside.finding.rule == NO_OFFSET for aside in kept.quarantine(one)):
            say(f"  what states no offset is read again: {_read_again(kept, one)}")


def waited_for(entries: "Iterable[Entry]", name: str) -> "Iterator[Entry]":
    """The same entries; a terminal is told how many there were, where it takes longer than a second."""
    if not sys.stderr.isatty():
        yield from entries
        return
    said = monotonic()
    shown = False
    for count, entry in enumerate(entries, 1):
        if count % 256 == 0 and monotonic() - said > _SILENT:
            said, shown = monotonic(), True
            hint(f"{name}: {count:,} entries read")
        yield entry
    if shown:
        hint("")


def _is_device(path: Path) -> bool:
    from pollux.sources import format_of, is_device

    return is_device(format_of(path))


def _owner(kept: "Store", person: str) -> str:
    """Whose device file it is when nobody says: the only person known."""
    if person:
        return person
    ids = [p.id for p in kept.people()]
    if len(ids) == 1:
        return ids[0]
    known = f"Known are: {', '.join(ids[:10])}." if ids else "Or import the person's medical record first."
    raise RefusedInput("it is not said whose device file this is", advice=f"Add --person ID. {known}")


def _zone(kept: "Store", person: str) -> str:
    """The zone that was stated for a person; empty when none was (UTC is what is assumed of nobody in particular)."""
    zone = next((p.timezone for p in kept.people() if p.id == person), "UTC")
    return "" if zone == "UTC" else zone


# Imports


@app.command
def imports(person: str = "", *, json: Json = False, store: StorePath = "") -> None:
    """List what was taken in: number, when, file, whose, how much, and whether it was taken back."""
    with open_store(store) as kept:
        found = kept.imports(person)
    if json:
        say_text(msgspec.json.format(msgspec.json.encode([_as_json(one) for one in found])).decode())
        return
    files = [one for one in found if one.taking.file or one.taking.format]
    for one in files:
        say(_line(one))
    if others := len(found) - len(files):
        say(f"and {others:,} without a file")


def _line(one: "Imported") -> str:
    whose = ", ".join(one.people[:3]) + (f" and {len(one.people) - 3:,} more" if len(one.people) > 3 else "")
    words = {"accepted": "events", "known": "known already"}
    counts = {words.get(name, name): getattr(one.counts, name) for name in one.counts.__struct_fields__}
    how = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    name = " ".join(part for part in (one.taking.file, f"({one.taking.format})") if part)
    back = "  taken back" if one.undone else ""
    return f"{one.number:5d}  {one.at[:16].replace('T', ' ')}  {name}: {whose or 'nobody'}; {how or 'nothing'}{back}"


def _as_json(one: "Imported") -> dict[str, object]:
    counts = {name: getattr(one.counts, name) for name in one.counts.__struct_fields__}
    return {"number": one.number, "at": one.at, "people": one.people, "undone": one.undone, **counts,
            "taking": one.taking}  # fmt: skip


@app.command
def undo(number: int, *, json: Json = False, store: StorePath = "") -> None:
    """Take an import back: what it said stands no more, what others said stands as if it had not come."""
    with open_store(store) as kept:
        account = kept.undo(number)
    say_text(msgspec.json.encode(account).decode() if json else account.text())


@app.command
def reread(person: str = "", *, store: StorePath = "") -> None:
    """Read the kept files and documents again with this version: what it understands more of comes in."""
    with open_store(store) as kept:
        for one in [person] if person else [known.id for known in kept.people()]:
            say(f"{one}: {_read_again(kept, one)}")


def _read_again(kept: "Store", person: str) -> str:
    """Read what is kept of a person again; what became of it."""
    from pollux.sources import medication_codes, read_again
    from pollux.store import Again

    codes: dict[str, object] = {}  # of one person's Medications, which are the same for all that is read again

    def reader(again: Again, learned: datetime) -> "Iterator[Entry]":
        taking = again.taking
        codes.update({} if codes else medication_codes(again.medications))
        return read_again(again.pieces, again.person, learned=learned, timezone=taking.timezone, name=taking.file,
                          codes=codes)  # fmt: skip

    return kept.reread(person, reader, datetime.now(UTC)).text()


# What is there


@app.command
def people(*, store: StorePath = "") -> None:
    """List whose records are in the store."""
    with open_store(store) as kept:
        for person in kept.people():
            try:
                record = kept.record(person.id)
            except PolluxError as error:  # restricted, or damaged: the others are there all the same
                say(f"{person.id}  {error.what}")
                continue
            say(f"{person.id}  {len(record.current):,} events, {len(record.of('cgm_glucose')):,} sensor readings")


@app.command
def quality(person: str, *, json: Json = False, store: StorePath = "") -> None:
    """Say how much of a person's record is used and what is not, what contradicts it, and what the rules found."""
    from pollux.record import examine
    from pollux.record.quality import quarantine_lines

    with open_store(store) as kept:
        record = kept.record(person)
        report, doubts, aside = examine(record), kept.doubts(person), kept.quarantine(person)
    if json:
        reasons = Counter((one.finding.rule, one.finding.message) for one in aside)
        answer = {
            "person": person,
            "stand": len(record.current),
            "quarantined": len(aside),
            "reasons": [{"rule": rule, "message": message, "count": count}
                        for (rule, message), count in reasons.most_common()],
            "doubts": doubts,
            "findings": report.findings,
        }  # fmt: skip
        say_text(msgspec.json.format(msgspec.json.encode(answer)).decode())
        return
    say(f"{len(record.current):,} events stand, {len(aside):,} are quarantined and used by nothing")
    say(*quarantine_lines(aside))
    for doubt in doubts:
        say(f"doubt: {doubt.message}")
    say(*report.lines())
