"""One import on its way into the tables: what is new, what was known, what a newer version withdraws."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import msgspec

from pollux.errors import RefusedInput
from pollux.record.budget import Limits, beyond
from pollux.record.entry import (
    DEVICE_FILE,
    SIGNS,
    Ahead,
    Answer,
    Course,
    Document,
    Entry,
    Link,
    Rank,
    Refusal,
    Within,
    file_of,
    is_id,
)
from pollux.record.event import Event, Person, source_name
from pollux.record.examining.flags import BOOKKEEPING, flagged
from pollux.record.quality import Action, Category, Finding, QualityReport, Quarantined, Unlisted, admit
from pollux.store.audit import stamp
from pollux.store.bodies import digest_of, name_of
from pollux.store.chart import Statement
from pollux.store.columns import Origin, finite
from pollux.store.contest import DELETED, ENDINGS, NEWER_VERSION, ended
from pollux.store.contradiction import contradictions, doubts, refuse_contradiction
from pollux.store.course import added, believed, go_on
from pollux.store.filing import Filing
from pollux.store.gate import Gate
from pollux.store.links import Linking
from pollux.store.moved import pass_on
from pollux.store.receipt import Receipt
from pollux.store.replies import CONFLICT, INVALID, SEVERAL, Replies, is_gone
from pollux.store.taken_again import TakenAgain
from pollux.store.whose import ANOTHER, TAKEN, Whose

_MOVED = "it was moved from this patient to another, and the sender still names this one"
_WHOSE_ELSE = (
    "it names another patient than the versions of it before; if they were wrong, `pollux move` moves it to whose it is"
)
_NOBODY_NOW = "it names nobody who can be found, and the versions of it before are a patient's"
_TWICE = "its bundle asks something else for the same resource before this; a bundle may ask once (send two)"
_CONTESTS = (_WHOSE_ELSE, _NOBODY_NOW, _TWICE)  # why a version was refused that was one of the same document
MOST_FINDINGS = 2000  # findings that a receipt lists; the counts go on

Said = Person | Event | Course | Quarantined | Refusal


class Intake:
    """Takes entries one by one inside a transaction that somebody else began and ends.

    Events follow the document that they stem from. A document that is known already brings nothing new, nor do its
    events. A newer version of a document corrects its events, and withdraws those that it no longer states; an older
    version that comes late is kept as a document only.
    """

    def __init__(
        self,
        filing: Filing,
        now: datetime,
        answer: Callable[[Answer], None] | None = None,
        insist: bool = False,
        clock: datetime | None = None,
        most: int = Limits().versions,
    ) -> None:
        self._filing = filing
        self._most = most  # versions of one document or event
        self._now = now
        self._clock = clock or now  # by which an event lies in the future
        self._insist = insist
        self._number = filing.importing.number if filing.importing else 0
        self._part = 0  # which document of the import is at hand
        self._parts = 0  # documents of the import so far
        self._files: dict[str, int] = {}  # devices' files, which documents of the import they are
        self._file_of: dict[str, int] = {}  # which of them is of whom
        self._links: list[tuple[str, Link]] = []
        self._taken_again = TakenAgain(filing)
        self._by: Rank = "record"  # who states the entry at hand
        self._introduced: dict[str, None] = {}  # people of whom something was stated that was not known
        self._replies = Replies(filing, answer)
        self._whose = Whose(filing)
        self._bundle: tuple[Within | None, dict[str, bytes]] = None, {}  # what its entries asked, by what they name
        self._taken = 0
        self._count: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        self._people: dict[str, None] = {}
        self._persons: dict[str, Person] = {}
        self._findings: list[Finding] = []
        self._unlisted: Counter[tuple[Action, Category, str]] = Counter()  # what came after the most that are listed
        self._document = ""
        self._renamed = ("", "")  # the document at hand as the reader calls it, and as it is called here
        self._fate = ""  # of the events of the document at hand: "", "already_known" or "outdated"
        self._refused = ""  # why the document at hand was
        self._gate = Gate(filing, now, self._list)

    def take(self, entry: Entry) -> None:
        """Take one entry."""
        item, self._by = entry.item, entry.by
        self._taken += 1
        if self._taken % 256 == 0:
            self._filing.breathe()
        if isinstance(item, Ahead):
            self._whose.look_ahead(item.patient)
            return
        if isinstance(item, Link):
            self._links.append((entry.person, item))
            return
        if isinstance(item, Finding):
            self._list(item)
            return
        person, nobody = self._meant(entry.person)
        if self._renamed[0] and not isinstance(item, Document):
            item = _called(item, *self._renamed)
        match item:
            case Document():
                self._begin(person, item)
                if self._whose.is_mistaken(entry.person):
                    self._refuse(item, nobody)
                else:
                    self._take_document(person, item, self._whose.stranger(entry.person))
            case Person():
                if not nobody and not (self._fate and self._document == f"Patient/{item.id}"):
                    self._take_person(item, entry.by)
            case Event() if nobody:
                self._used_by_nobody(item, nobody)
            case Event():
                self._take_event(person, item)
            case Course() if nobody or self._refused:
                self._refuse_course(item, nobody or self._refused)
            case Course():
                self._take_course(person, item)
            case Quarantined():
                self._take_quarantined(person, item)
            case Refusal():
                self._replies.refused(item, item.why, item.status)
        if person and not self._refused:
            self._people[person] = None

    def _meant(self, name: str) -> tuple[str, str]:
        """Who is meant by the name under which an entry comes; "" where that is nobody, and why."""
        if self._whose.asks(name):
            person = self._whose.who(name)
            return person, "" if person else self._whose.why_nobody(name)
        if not name:
            return "", ""
        if not is_id(name):
            raise RefusedInput(f"a person's id has other signs than {SIGNS}", advice="Give them another one.")
        if not self._insist and (alike := self._whose.looks_like(name)):
            why = f"nobody is here under this id, and it looks like that of somebody who is, {alike}"
            if self._by == "user":
                raise RefusedInput(why, where=name, advice="Name that one, or insist (--insist) that it is another.")
            self._whose.mistake(name, f"{why}; take the file again with --insist if it is another")
            return self._meant(name)
        return name, ""

    def receipt(self) -> Receipt:
        """The account of everything taken."""
        self._finish()
        if not self._insist:
            self._taken_again.check()
        self._findings += self._taken_again.repeats()
        for person in self._people:
            self._person(person)
            self._take_habits(person)
        merged_ids = Linking(self._filing).take(self._links, self._introduced)
        self._findings += [
            *merged_ids,
            *(one for id in self._people for one in doubts(c.chart for c in self._filing.group(id))),
        ]
        self._filing.note_even_nothing()
        count = self._count
        report = QualityReport(
            tuple(self._findings),
            count["accepted"],
            count["quarantined"],
            tuple(Unlisted(*rule, n) for rule, n in sorted(self._unlisted.items())),
        )
        return Receipt(
            accepted=count["accepted"],
            quarantined=count["quarantined"],
            documents=count["documents"],
            files=count["files"],
            already_known=count["already_known"],
            outdated=count["outdated"],
            withdrawn=count["withdrawn"],
            kept=dict(sorted(self._kept.items())),
            people=tuple(sorted(self._people)),
            report=report,
            number=self._number,
        )

    def _list(self, finding: Finding) -> None:
        if len(self._findings) < MOST_FINDINGS:
            self._findings.append(finding)
        else:
            self._unlisted[finding.action, finding.category, finding.rule] += 1

    def _take_person(self, person: Person, by: Rank) -> None:
        if by == "device" and not self._insist:
            refuse_contradiction(person, self._filing.group(person.id), self._filing.importing)
        chart = self._filing.chart(person.id)
        known = chart.person
        if known is not None and person == Person(person.id):
            self._persons[person.id] = known
            return
        same = known is not None and chart.whole.plus(Statement("", person, by)) == known
        if known is not None and same and not contradictions(person, known):
            chart.know_person(person, by)
        else:
            chart.state(person, stamp(self._now), by)
            self._introduced[person.id] = None
        self._persons[person.id] = chart.person or person

    def _take_habits(self, id: str) -> None:
        """The time zone, and the day that counts as today, that whoever takes the file in named for its people."""
        taking = self._filing.importing.taking if self._filing.importing else None
        if taking is not None and (taking.timezone or taking.as_of):
            self._take_person(Person(id, timezone=taking.timezone or "UTC", as_of=taking.as_of), "user")

    def _find_person(self, id: str) -> Person | None:
        chart = self._filing.find(id)
        return chart.person if chart else None

    def _person(self, id: str) -> Person:
        """The person as known so far; one of whom nothing is known but the id, if need be."""
        found = self._persons.get(id)
        if found is None:
            found = self._find_person(id)
            if found is None:
                found = Person(id)
                self._filing.chart(id).state(found, stamp(self._now))
                self._introduced[id] = None
            self._persons[id] = found
        return found

    def _begin(self, person: str, document: Document) -> None:
        """Finish the document before; nothing is known of this one yet."""
        self._finish()
        self._document, self._fate, self._refused, self._renamed = document.name, "", "", ("", "")
        self._count_part(person, document)

    def _finish(self) -> None:
        self._count["withdrawn"] += self._gate.finish(self._origin)

    def _take_document(self, person: str, document: Document, stranger: str) -> None:
        if document.seeks:
            found = self._seen(person, document.kind, document.seeks)
            if len(found) > 1:
                why = f"{len(found)} documents carry the identifier of its conditional update"
                self._refuse(document, why, SEVERAL)
                return
            if found and document.seeks not in document.identifiers:
                self._refuse(document, "it takes back the identifier by which it is to be found", INVALID)
                return
            document = self._under_the_name(found[0][1], document) if found else document
        if document.gone and not document.apart:
            twice = self._asks_again(document.name, document)
            self._refuse(document, _TWICE) if twice else self._take_deletion(document)
            return
        there = self._seen(person, document.kind, document.unless) if document.unless else []
        if len(there) > 1:
            why = f"{len(there)} documents carry the identifier of its conditional create"
            self._refuse(document, why, SEVERAL)
            return
        twice = self._asks_again(there[0][1] if there else document.name, document)
        earlier = None if there else self._filing.versions(document)
        if earlier is None:
            self._know_document(document, there[0][1] if there else "")
            return
        if self._filing.count >= self._most:
            raise beyond("one resource has too many versions", "versions", self._most, document.place)
        if person and document.name in self._hidden(person):
            self._refuse(document, _MOVED)
        elif why := self._refusal(person, document, earlier, stranger) or (_TWICE if twice else ""):
            self._refuse(document, why)
            if why in _CONTESTS and not self._is_late(document, earlier):
                self._gate.contest(document.name, dict(earlier), f"{document.place}: {why}")
        else:
            self._take_version(person, document, earlier)

    def _know_document(self, document: Document, found: str) -> None:
        """Nothing new: the document is here byte for byte, or what it asks for is `found` under a name."""
        self._fate = "already_known"
        self._count["already_known"] += document.kind != DEVICE_FILE
        if found:
            self._replies.kept(document, found)
            return
        self._filing.note_known(self._part, document.kind == DEVICE_FILE)
        self._gate.known_again(document)
        self._replies.known(document)

    def _take_version(self, person: str, document: Document, earlier: list[tuple[str, str]]) -> None:
        """Keep a document; what it states of what earlier versions stated comes behind it."""
        if document.kind == DEVICE_FILE and not self._insist:
            self._refuse_anothers(person, document)
        if document.apart:
            pass  # its events come by themselves
        elif self._is_late(document, earlier):
            self._fate = "outdated"
            self._bring_deletion(person, document, set(dict(earlier)))
        elif earlier:
            self._gate.replace(person, document, dict(earlier))
        self._filing.keep_document(person, document, stamp(self._now), self._updated(document), self._origin)
        self._pass_on(person, document.name, earlier)
        if document.kind == DEVICE_FILE:
            self._count["files"] += 1
            self._filing.breathe()  # pieces of a file are large
            return
        self._count["documents"] += 1
        self._replies.known(document) if self._fate else self._replies.kept(document)
        if not document.understood:
            self._kept[document.kind] += 1

    def _is_late(self, document: Document, earlier: list[tuple[str, str]]) -> bool:
        """Whether a version was made before one that is here."""
        updated = self._updated(document)
        return bool(updated) and any(before > updated for _, before in earlier)

    @property
    def _origin(self) -> Origin:
        """Of what stems from the document at hand."""
        return Origin(self._number, self._part)

    def _origin_in_file(self, person: str) -> Origin:
        """Of what somebody has in the device's file at hand."""
        return Origin(self._number, self._file_of.get(person, 0))

    def _count_part(self, person: str, document: Document) -> None:
        """A device's file may come in several pieces; they are one document of the import."""
        file = file_of(document)
        if file not in self._files:
            self._parts += 1
        self._part = self._files.get(file, self._parts)
        if file:
            self._files[file] = self._file_of[person] = self._part

    def _seen(self, person: str, kind: str, identifier: str) -> list[tuple[str, str]]:
        """What whoever asks about a patient may find by an identifier: patients, what is theirs, what is nobody's."""
        found = self._filing.identified(kind, identifier)
        if kind == "Patient" or not found:
            return found
        own = {"", person, *(one.chart.person for one in self._filing.group(person))}
        return [(whose, name) for whose, name in found if whose in own]

    def _refuse_anothers(self, person: str, document: Document) -> None:
        """Raise `RefusedInput` where the same file was taken for somebody else."""
        own = {one.chart.person for one in self._filing.group(person)} | {person}
        found = [one for name in document.identifiers for one in self._filing.identified(DEVICE_FILE, name)]
        others = {whose for whose, _ in found} - own
        if others:
            raise RefusedInput(
                f"this file, byte for byte, was taken before, for {', '.join(sorted(others))}",
                where=document.place,
                advice="It is of one of them only: name whose it is (--person); what was taken for the wrong one can "
                "be taken back (pollux imports, pollux undo N). --insist takes it for both.",
            )

    def _pass_on(self, person: str, name: str, earlier: list[tuple[str, str]]) -> None:
        """A document whose versions name several patients is the one's whom that which stands names."""
        others = {owner for owner, _ in earlier if owner and owner != person}
        if not person or not others:
            return
        right = person
        if self._fate == "outdated":
            right = max(earlier, key=lambda one: one[1])[0] or person
            others = (others | {person}) - {right}
        pass_on(self._filing, name, sorted(others), right, stamp(self._now))

    def _refusal(self, person: str, document: Document, earlier: list[tuple[str, str]], stranger: str) -> str:
        """Why a document is not taken in for what it says of itself and what is here; "" where it is."""
        owners = {owner for owner, _ in earlier}
        theirs = {owner for owner in owners - {"", person} if document.name not in self._filing.elsewhere(owner)}
        if document.new and earlier and (document.kind == "Patient" or owners != {person}):
            return TAKEN
        if document.kind == "Patient" and not document.apart and self._whose.is_another(document):
            return ANOTHER
        if stranger and (earlier or document.apart):
            return stranger
        if document.apart and not owners <= {"", person, *(one.chart.person for one in self._filing.merged(person))}:
            return "the export of one patient holds what is another's here"
        if theirs and not document.apart and not theirs <= {one.chart.person for one in self._filing.group(person)}:
            return _WHOSE_ELSE if person else _NOBODY_NOW
        return ""

    def _asks_again(self, name: str, document: Document) -> bool:
        """Whether a document changes what another entry of its bundle asked of the same resource."""
        if not document.asked:
            return False
        if self._bundle[0] != document.within:
            self._bundle = document.within, {}
        mark = b"" if document.unless else self._filing.mark(document)  # what is only found is not to be changed either
        return self._bundle[1].setdefault(name, mark) != mark and not document.unless

    def _updated(self, document: Document) -> str:
        """When a version was made, as it says; what says that it will be made counts as made now."""
        return stamp(min(document.updated, self._clock)) if document.updated else ""

    def _take_deletion(self, document: Document) -> None:
        """The newest version of a document is that it is gone: what it stated is withdrawn, earlier versions stay.

        Where nothing says when it was deleted it was just now, after all that is there. A deletion of what is not
        there is kept, as nobody's, only where it says when it was: an older version may come yet.
        """
        earlier = self._filing.versions(document)
        if earlier is None:
            self._fate = "already_known"
            self._count["already_known"] += 1
            self._filing.note_known(self._part)
            self._replies.deleted_before(document)
            return
        if earlier and document.updated is None and is_gone(self._filing, document):
            self._count["already_known"] += 1
            self._replies.deleted(document)
            return
        owners = [one for one in dict(earlier) if document.name not in self._filing.elsewhere(one)]
        if owners or document.updated:
            updated = self._updated(document) or max(before for _, before in earlier)
            if any(before > updated for _, before in earlier):
                self._fate = "outdated"
            else:
                self._gate.delete(document.name, owners)
            for owner in owners or [""]:
                self._filing.keep_document(owner, document, stamp(self._now), updated, self._origin)
                self._people |= {owner: None} if owner else {}
            self._count["documents"] += 1
        self._replies.deleted(document)

    def _bring_deletion(self, person: str, document: Document, owners: set[str]) -> None:
        """A version of what was deleted before anybody knew whose it was: the deletion lies with it from now on."""
        if not person or owners != {""}:
            return
        kept = self._filing.newest(document)
        if kept is not None and (gone := kept.document()).gone:
            self._filing.keep_document(person, gone, stamp(self._now), kept.updated, self._origin)

    def _under_the_name(self, name: str, document: Document) -> Document:
        """A conditional update as a new version of what it found; what follows it carries that name too."""
        self._renamed = document.name, name
        self._document = name
        return msgspec.structs.replace(document, id=name.partition("/")[2])

    def _hidden(self, person: str) -> list[str]:
        chart = self._filing.find(person)
        return chart.chart.hidden if chart else []

    def _refuse(self, document: Document, why: str, status: str = CONFLICT) -> None:
        """Keep a document, and all that is said of the patient whom it is, in quarantine."""
        self._fate, self._refused = "outdated", why
        finding = Finding("not carried out", "conformance", "quarantine", why, "", None, document.place, document.name)
        self._take_quarantined("", Quarantined(finding, None, document.content.decode("utf-8", "backslashreplace")))
        self._replies.refused(document, why, status)
        if document.kind == "Patient" and why != _TWICE and not document.apart:
            self._whose.turn_away(document, why)

    def _take_event(self, person: str, event: Event) -> None:
        document = source_name(event.id)
        document = document if document == self._document else ""
        origin = self._origin if document else self._origin_in_file(person)
        if document and self._fate:
            self._count[self._fate] += 1
            if self._fate == "outdated" and not self._refused:
                self._note_outdated(person, event, origin)
            return
        if document:
            event = msgspec.structs.replace(event, learned=max(event.learned, self._gate.after))
        event = _takes_back(event, NEWER_VERSION if document else DELETED)
        for outcome in admit(self._person(person), [event], self._clock):
            if isinstance(outcome, Quarantined):
                self._take_quarantined(person, outcome)
                if not document and not event.id.startswith("content:"):
                    self._gate.contest_event(person, outcome)
                return
            before = self._gate.stood(person, event.id) if document else None  # another's is withdrawn there
            known = [before] if before else self._filing.chart(person).versions(outcome, outcome.content)
            if len(known) >= self._most:
                raise beyond("one event has too many versions", "versions", self._most, outcome.where)
            if document and self._gate.says_anew(event.id) and before is None:
                new: Event | Quarantined | None = outcome  # what an earlier version took back
            else:
                new = added(outcome, known, of_document=before is not None)
            if new is None:
                self._filing.chart(person).know(outcome, origin)
                self._count["already_known"] += 1
            elif isinstance(new, Quarantined):
                self._take_quarantined(person, new)
            elif new.id in self._hidden(person):
                self._take_quarantined("", Quarantined(Finding(
                    "not carried out", "conformance", "quarantine", _MOVED, new.quantity, new.time, new.where, new.id
                ), new))  # fmt: skip
            else:
                self._filing.chart(person).add(new, known, origin)
                if not document:
                    self._filing.chart(person).end_contest(new.id)
                self._count["withdrawn" if new.retracted else "accepted"] += 1
                self._tell_of(person, new)

    def _tell_of(self, person: str, event: Event) -> None:
        """What whoever takes the file in has to hear of an event that was accepted."""
        if self._by == "device" and not event.retracted:
            self._taken_again.saw(person, event)
        for flag in event.flags:
            if flag not in BOOKKEEPING:
                self._list(flagged(event, flag))

    def _note_outdated(self, person: str, event: Event, origin: Origin) -> None:
        """What an outdated version states is kept aside: it stands if the newer one is taken back."""
        for outcome in admit(self._person(person), [_takes_back(event)], self._clock):
            if isinstance(outcome, Event):
                self._filing.chart(person).know(outcome, origin, outdated=True)

    def _take_course(self, person: str, course: Course) -> None:
        """Take over what another store held under the id of one event, without what is known of it here already."""
        self._replies.taken_over(course)
        events: list[Event] = []
        said = (believed(event, self._clock) for event in course.events)
        for outcome in admit(self._person(person), map(_takes_back, said), self._clock):
            if isinstance(outcome, Quarantined):
                self._take_quarantined(person, outcome)
            else:
                events.append(msgspec.structs.replace(outcome, flags=tuple(dict.fromkeys(outcome.flags))))
        here = bool(course.events) and source_name(course.events[0].id) == self._document
        origin = self._origin if here else self._origin_in_file(person)
        fresh = list(go_on(self._filing, person, events, origin)) if events else []
        for new in fresh:
            self._count["withdrawn" if new.retracted else "accepted"] += 1
        new_contents = {event.content for event in fresh}
        for event in (event for event in events if event.content not in new_contents):
            self._filing.chart(person).know(event, origin)
        self._count["already_known"] += len(events) - len(fresh)

    def _refuse_course(self, course: Course, why: str) -> None:
        self._replies.not_taken_over(course, why)
        for event in course.events:
            self._used_by_nobody(event, why)

    def _used_by_nobody(self, event: Event, why: str) -> None:
        text = f"{why}; it is kept as it stands and used by nobody"
        finding = Finding("nobody's", "conformance", "quarantine", text, event.quantity, event.time, event.where,
                          event.id)  # fmt: skip
        self._take_quarantined("", Quarantined(finding, event))

    def _take_quarantined(self, person: str, quarantined: Quarantined) -> None:
        if quarantined.event is None and quarantined.document == self._document and self._fate:
            self._count[self._fate] += 1
            return
        self._person(person) if person else None
        of_document = self._document in name_of(quarantined)
        if of_document:
            self._gate.flawed(quarantined.finding)
        origin = self._origin if of_document else self._origin_in_file(person)
        if not self._filing.chart(person).quarantine(quarantined, digest_of(quarantined), origin):
            self._count["already_known"] += 1
            return
        self._count["quarantined"] += 1
        self._list(quarantined.finding)


def _called(item: Said, old: str, new: str) -> Said:
    """What is said in a document that has another name here than the reader gave it, under that name."""
    if isinstance(item, Event) and source_name(item.id) == old:
        return msgspec.structs.replace(item, id=new + item.id.removeprefix(old))
    if isinstance(item, Person) and f"Patient/{item.id}" == old:
        return msgspec.structs.replace(item, id=new.partition("/")[2])
    if isinstance(item, Quarantined) and item.document == old:
        finding = msgspec.structs.replace(item.finding, event=new)
        return msgspec.structs.replace(item, finding=finding, document=new)
    return item


def _takes_back(event: Event, how: str = DELETED) -> Event:
    """The door asks nothing of what takes something back; its flag says how."""
    if not event.retracted:
        return event
    return finite(event) if not ENDINGS.isdisjoint(event.flags) else ended(finite(event), how)
