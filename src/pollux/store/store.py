"""The store: patients' data kept sealed, whole and accounted for."""

import copy
import getpass
import heapq
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from sqlalchemy import Connection, select

from pollux.errors import PolluxError
from pollux.record.act import Act
from pollux.record.budget import Limits
from pollux.record.budget import limits as limits_in_force
from pollux.record.entry import Answer, Document, Entry, file_of
from pollux.record.event import Event, Person
from pollux.record.held import Held
from pollux.record.quality import Finding, Quarantined
from pollux.record.record import Record
from pollux.store import audit, first
from pollux.store.access import Access
from pollux.store.audit import Done, Head, stamp
from pollux.store.backup import Note, backup, check, check_site_key, one_restoring, restore, take_away
from pollux.store.chart import open_chart
from pollux.store.columns import micros
from pollux.store.contest import contested, marked
from pollux.store.contradiction import doubts
from pollux.store.database import Database
from pollux.store.doctor import Trouble, examine
from pollux.store.erasure import ErasureReceipt, erase, replay
from pollux.store.files import Files
from pollux.store.filing import Filing
from pollux.store.identity import hold, merge, release, restrict, unrestrict
from pollux.store.imports import Imported, Taking, every_import, listed
from pollux.store.intake import Intake
from pollux.store.keys import Keyed, Keys
from pollux.store.links import asked, take_apart
from pollux.store.moved import move, move_back
from pollux.store.opening import open_parts
from pollux.store.reading import Series, from_events, newest, person_of, record_of, series, theirs
from pollux.store.receipt import Receipt
from pollux.store.rereading import Reader, Reread, Rereading, together
from pollux.store.rotation import check_here_still, seal_again
from pollux.store.site_key import FILE_VARIABLE, VARIABLE, SiteKey, find
from pollux.store.statements import merged
from pollux.store.tables import CHART
from pollux.store.undoing import Undone, undo
from pollux.store.writer import Writer, now

T = TypeVar("T")
_ALWAYS, _NEVER = -(2**62), 2**62
_NO_FILE = Taking()
# What is read before an import begins: entries, and bytes of documents among them.
_AHEAD, _AHEAD_BYTES = 20_000, 32 << 20


class Store:
    """Keeps what was received, for whoever asks on behalf of `actor` and for `purpose`; every access is written down.

    >>> from datetime import UTC
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Store.open(Path(folder) / "store.pollux.db") as store:
    ...     store.take([Entry("p1", Person("p1", birth_date="1964"))], datetime(2026, 1, 1, tzinfo=UTC)).people
    ('p1',)
    """

    def __init__(self, database: Database, keys: Keys, files: Files, actor: str, purpose: str) -> None:
        self._database = database
        self._keys = keys
        self._files = files
        self._writer = Writer(database, keys, files)
        self.actor = actor
        self.purpose = purpose

    @classmethod
    def open(
        cls,
        where: str | Path,
        *,
        keys: str | Path | None = None,
        site_key: SiteKey | None = None,
        accounts: str | Path | None = None,
        actor: str = "",
        purpose: str = "",
        make: bool = True,
        _goes_on: tuple[str, dict[str, int | str]] | None = None,
    ) -> "Store":
        """The store at a path or a URL (``postgresql://…``), which is made if it is not there and `make` allows it.

        `keys` is where patients' keys lie (default: beside an embedded store); `site_key` wraps them (default: from
        ``POLLUX_SITE_KEY``, ``POLLUX_SITE_KEY_FILE``, or a file beside the keys); `accounts` is a folder for
        the audit's head and the ledger of erasures (default: ``POLLUX_ACCOUNTS``, or beside the keys). Who opens it is
        written down as `actor` (default: who is logged in). A store of the first version is sealed on the way.

        Raises `PolluxError` when it cannot be opened, is no store, or the keys do not fit; when keys remember a store
        and the database is gone; when a backup was being restored here and that did not end.
        """
        files = Files.beside(where, keys, accounts)
        database, opened = open_parts(where, files, site_key, make, restoring=_goes_on is not None)
        try:
            store = cls(database, opened, files, actor or _user(), purpose)
            if _goes_on is not None:
                store._go_on(*_goes_on)
            if first.waiting(database):
                first.move_in(database, opened, store._writer.do)
            replay(database, opened, files.erased, store._writer.alone)
            if _goes_on is not None:
                audit.check_here(database, files.head, opened.public)
                opened.begin()  # whoever is erased is erased again, and the head is there: it is a store from now on
        except BaseException:
            database.close()
            opened.close()
            raise
        return store

    @property
    def where(self) -> str:
        """The store's place, without the password of a server."""
        return self._database.where

    @property
    def keys_place(self) -> str:
        """Where the keys lie."""
        return self._keys.database.where

    @property
    def _access(self) -> Access:
        return Access(self._database, self._keys, self._writer, self.actor, self.purpose)

    def by(self, actor: str, purpose: str = "") -> "Store":
        """The same store on behalf of somebody."""
        other = copy.copy(self)
        other.actor, other.purpose = actor, purpose
        return other

    def close(self) -> None:
        """Finish what is being written and let go of the files."""
        self._writer.close()
        self._database.close()
        self._keys.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Writing

    def take(
        self,
        entries: Iterable[Entry],
        now: datetime,
        answer: Callable[[Answer], None] | None = None,
        taking: Taking = _NO_FILE,
        insist: bool = False,
        clock: datetime | None = None,
        limits: Limits | None = None,
    ) -> Receipt:
        """Keep all of these entries or, if anything goes wrong on the way, none of them; durable when it returns.

        `now` is when it is learned and, unless `clock` says otherwise, the clock by which an event lies in the future:
        data whose dates were shifted have a today of their own. Taking the same entries again changes nothing that
        stands. `answer` is told of each document where it is now; it counts once `take` has returned. `taking` says
        which file it is and how it was read, for `imports`. A device's file that contradicts the record on who the
        person is is refused, unless `insist`. The first entries are read before anybody else has to wait for this
        import; more versions of one thing than `limits` allow are refused. The receipt has the import's number, with
        which `undo` takes it back.
        """
        most = (limits or limits_in_force()).versions
        stream = iter(entries)
        ahead = _read_ahead(stream)

        def job(filing: Filing) -> Receipt:
            filing.begin(taking, stamp(now))
            intake = Intake(filing, now, answer, insist, clock, most)
            for entry in chain(ahead, stream):
                intake.take(entry)
            return intake.receipt()

        return self._file("take", job, refusing=False)

    def save_checkpoint(self, person_id: str, name: str, content: bytes, at: datetime) -> None:
        """Keep the state of a twin under a name; earlier states stay."""
        self._file("checkpoint", lambda filing: filing.chart(person_id).keep_checkpoint(name, content, stamp(at)))

    # Reading

    def people(self) -> list[Person]:
        """Everybody whose record is kept here, by id."""
        self._access.seen("search", [])
        found = []
        with self._database.reading() as connection:
            for who, version, sealed in connection.execute(select(CHART)):
                keyed = self._keys.find_who(who)
                if keyed is None:
                    continue
                chart = open_chart(sealed, version, keyed)
                if chart.listed:
                    found.append(merged(chart.stated, chart.person))
        return sorted(found, key=lambda person: person.id)

    def record(self, person_id: str) -> Record:
        """Everything known about a person, every version of it."""
        with self._access.charts(person_id, "record") as charts:
            return record_of(charts)

    def latest(self, person_id: str, count: int = 100) -> list[Event]:
        """The standing events of a person that are the last in time, newest first."""
        with self._access.charts(person_id, "latest") as charts:
            if len(charts) > 1:  # of merged ids; the same thing may have come to both
                return list(reversed(record_of(charts).current[-count:])) if count else []
            return list(marked(charts[0].latest(count), [charts[0].chart]))

    def series(
        self, person_id: str, quantity: str, since: datetime | None = None, until: datetime | None = None
    ) -> Series:
        """The standing readings of a quantity, as arrays, from `since` to `until` inclusive."""
        begin = _ALWAYS if since is None else micros(since)
        end = _NEVER if until is None else micros(until)
        with self._access.charts(person_id, "series") as charts:
            found = charts[0].readings(quantity, begin, end) if len(charts) == 1 else None
            if found is None:
                found = from_events(quantity, list(record_of(charts).of(quantity)), begin, end)
        return series(quantity, found)

    def quarantine(self, person_id: str) -> list[Quarantined]:
        """What came in for a person and is not used, with the reasons; for "" what could be given to nobody."""
        with self._access.charts(person_id, "quarantine", known=bool(person_id)) as charts:
            return [item for chart in charts for item in chart.quarantine()]

    def doubts(self, person_id: str) -> list[Finding]:
        """What is in doubt of who a person is: devices that contradict the record, ids that may be one person."""
        with self._access.charts(person_id, "doubts") as charts:
            found = [one.chart for one in charts]
            return [*doubts(found), *asked(found), *contested(found)]

    def documents(self, person_id: str) -> Iterator[Document]:
        """The documents of a person, every version, as received; for "" those that belong to nobody."""
        with self._access.charts(person_id, "documents", known=bool(person_id), restricted=True) as charts:
            for chart in charts:
                yield from chart.documents()

    def export(self, person_id: str) -> Iterator[bytes]:
        """The person's resources, newline-delimited; of each the newest version, byte for byte as received.

        A resource that was received over several lines is put on one, which changes nothing inside its texts.
        """
        with self._access.charts(person_id, "documents", known=bool(person_id), restricted=True) as charts:
            versions = [one for chart in charts for one in chart.versions()]
        for document in newest((one, flawed) for one, flawed in versions if not file_of(one)):
            yield document.content.replace(b"\r", b"").replace(b"\n", b"") + b"\n"

    def held(self, person_id: str) -> Held:
        """Everything held about a person, to be handed to them; allowed also while processing is restricted."""
        acts = tuple(self.acts(person_id))
        with self._access.charts(person_id, "everything", restricted=True) as charts:
            merging = heapq.merge(*(chart.documents() for chart in charts), key=lambda document: str(document.learned))
            arrived = tuple(merging)
            return Held(
                person_of(charts),
                tuple(document for document in arrived if not file_of(document)),
                theirs(charts),
                tuple(item for chart in charts for item in chart.quarantine()),
                tuple(one for chart in charts for one in chart.checkpoints()),
                acts,
                tuple((one.reason, one.since, one.by) for chart in charts for one in chart.chart.holds),
                "; ".join(dict.fromkeys(chart.chart.restricted for chart in charts if chart.chart.restricted)),
                tuple(document for document in arrived if file_of(document)),
            )

    def checkpoint(self, person_id: str, name: str) -> bytes | None:
        """The state saved last under a name, or None."""
        mark = self._keys.mark("checkpoint", name)
        with self._access.charts(person_id, "checkpoint", known=False) as charts:
            found = (chart.checkpoint(mark) for chart in charts)
            return next((content for content in found if content is not None), None)

    def acts(self, person_id: str | None = None) -> Iterator[Act]:
        """The audit's lines in their order: all, or those about a person: who looked, when and what for."""
        whos = None if person_id is None else self._access.pseudonyms(person_id, "audit")
        self._access.seen("read", whos or [], {"of": "audit"})
        with self._database.reading() as connection:
            yield from audit.acts(connection, whos)

    def verify(self, kept: Sequence[Head] = ()) -> tuple[list[str], int]:
        """What is wrong with the audit (nothing: an empty list), and how many lines it has.

        `kept` are heads of before (`head`) that were kept elsewhere: the audit has to go through each of them.
        """
        with self._database.reading() as connection:
            return audit.verify(connection, self._keys.public, audit.read_head(self._files.head), kept)

    def head(self) -> Head | None:
        """The end of the audit, signed; kept elsewhere, it shows later that nothing up to here was cut off."""
        return audit.read_head(self._files.head)

    def doctor(self) -> list[Trouble]:
        """What is wrong with the store, with advice; an empty list when nothing is. Everything in it is opened."""
        return examine(self._database, self._keys, self._files)

    def backup(self, folder: Path, keys_folder: Path) -> Note:
        """Copy data and keys to two folders while the store is used; the site key is not among them."""
        self._access.seen("backup", [])
        return backup(self._database, self._keys, self._files.erased, folder, keys_folder, now())

    @classmethod
    def restore(
        cls,
        folder: Path,
        keys_folder: Path,
        where: str | Path,
        *,
        keys: Path | None = None,
        site_key: SiteKey | None = None,
        accounts: str | Path | None = None,
        actor: str = "",
    ) -> "Store":
        """Put a backup where there is no store, erase again whom the ledger names, and open it.

        Raises `PolluxError` when there is a store, the backup is not whole, or the site key does not open it.
        """
        files = Files.beside(where, keys, accounts)
        check(folder, keys_folder)
        site = site_key or find(files.site_key, make=False)
        check_site_key(keys_folder, site)
        with one_restoring(Path(files.keys)):
            note = restore(folder, keys_folder, where, Path(files.keys), files.erased)
            goes_on: tuple[str, dict[str, int | str]] = ("restore", {"until": note.last_act})
            try:
                return cls.open(where, keys=keys, site_key=site, accounts=accounts, actor=actor, _goes_on=goes_on)
            except BaseException:
                take_away(where, Path(files.keys))
                raise

    def rotate(self, person_id: str) -> None:
        """A new key for a person, with which everything of theirs is sealed again; the old key is destroyed."""
        for person in self._access.ids(person_id, "rotate"):

            def job(connection: Connection, acts: list[Done], person: str = person) -> Keyed:
                check_here_still(connection, self._keys, person)
                keyed = self._keys.renew(person)
                detail = seal_again(connection, keyed)
                acts.append(self._access.done("rotate", keyed.who, detail))
                return keyed

            with self._access.refusals("rotate"):
                keyed = self._writer.do(job)
            self._writer.do(partial(self._drop_older, keyed))  # while nobody else writes
        self._keys.database.scrub()

    def _drop_older(self, keyed: Keyed, *_: object) -> None:
        self._keys.drop_older(keyed)

    @property
    def site_key_file(self) -> Path | None:
        """The file with the site key, if it is in one."""
        if os.environ.get(VARIABLE):
            return None
        named = os.environ.get(FILE_VARIABLE)
        return Path(named).expanduser() if named else self._files.site_key

    def rotate_site_key(self, site: SiteKey) -> int:
        """Wrap all keys with the newest key of `site`, which can also unwrap the old one; how many were."""
        self._access.seen("rotate", [])
        return self._keys.rewrap(site)

    def accept(self, reason: str) -> None:
        """Go on from the audit as it is, though its head outside says otherwise; both are written down."""
        problems, lines = self.verify()
        self._go_on("accept", {"reason": reason, "lines": lines, "problems": len(problems)})

    def _go_on(self, action: str, detail: dict[str, int | str]) -> None:
        try:
            head = audit.read_head(self._files.head)
        except PolluxError:
            head = None
        before: dict[str, int | str] = {} if head is None else {"head": head.seq, "link": head.link}
        act = self._access.done(action, b"", {**detail, **before})
        self._writer.do(lambda _, acts: acts.append(act))

    # Imports

    def imports(self, person_id: str = "") -> list[Imported]:
        """The imports that said something of a person, or of anybody, in their order; those taken back too."""
        if person_id:
            with self._access.charts(person_id, "imports") as charts:
                return listed((one.chart, note) for one in charts for note in one.imported())
        self._access.seen("search", [], {"of": "imports"})
        with self._database.reading() as connection:
            return listed(every_import(connection, self._keys))

    def undo(self, number: int) -> Undone:
        """Take an import back, now: what it said stands no more, what others said stands as if it had not come.

        The same file can be taken in again afterwards. Raises `PolluxError` where something of it was moved by hand
        since, or its people were merged with others, and says what to do first.
        """
        return self._file("undo", lambda filing: undo(filing, number, now()), detail={"import": number})

    def reread(self, person_id: str, reader: Reader, now: datetime) -> Reread:
        """Read the kept documents of a person again: what a newer reader makes of them stands from now on.

        `reader` makes entries of each (`pollux.sources.read_again`). It is an import of its own, which `undo` takes
        back. Where nothing is different, nothing changes.
        """

        def job(filing: Filing) -> list[Reread]:
            filing.begin(Taking(format="read again"), stamp(now))
            return [Rereading(filing, id, now).read(reader) for id in ids]

        ids = self._access.ids(person_id, "reread")
        return together(self._file("reread", job))

    # Rights of a person

    def erase(self, person_id: str, reason: str = "") -> ErasureReceipt:
        """Destroy a person's keys and delete everything held about them; a legal hold refuses it, with its reason."""
        whos = self._access.pseudonyms(person_id, "erase")
        act = self._access.done("erase", b"", {"reason": reason} if reason else {})
        with self._access.refusals("erase", whos):
            return erase(self._database, self._keys, self._files.erased, self._writer.alone, whos, act)

    def hold(self, person_id: str, reason: str) -> None:
        """Forbid to erase a person's data, for a reason (a legal hold)."""
        audit.check_text(reason, "the reason")
        self._file("hold", lambda filing: hold(filing, person_id, reason, self.actor, stamp(now())))

    def release(self, person_id: str) -> None:
        """End all legal holds on a person's data."""
        self._file("release", lambda filing: release(filing, person_id))

    def restrict(self, person_id: str, reason: str) -> None:
        """Keep a person's data and use them for nothing (restriction of processing)."""
        audit.check_text(reason, "the reason")
        self._file("restrict", lambda filing: restrict(filing, person_id, reason))

    def unrestrict(self, person_id: str) -> None:
        """End the restriction."""
        self._file("unrestrict", lambda filing: unrestrict(filing, person_id))

    # Who is who

    def merge(self, duplicate: str, into: str) -> None:
        """Two ids are one person: the record of `into` holds both from now on. `unmerge` undoes it."""
        self._file("merge", lambda filing: merge(filing, duplicate, into))

    def unmerge(self, duplicate: str) -> None:
        """They are two people after all."""
        self._file("unmerge", lambda filing: take_apart(filing, duplicate))

    def move(self, ids: Sequence[str], wrong: str, right: str) -> int:
        """Documents and events (by name or id) that came under the wrong patient go to the right one; how many events.

        They are withdrawn there and learned here; `move_back` undoes it.
        """
        return self._file("move", lambda filing: move(filing, ids, wrong, right, now()))

    def move_back(self, ids: Sequence[str], wrong: str, right: str) -> int:
        """Undo a `move` with the same arguments."""
        return self._file("move", lambda filing: move_back(filing, ids, wrong, right, now()))

    # Inside

    def _file(
        self, action: str, job: Callable[[Filing], T], refusing: bool = True, detail: Mapping[str, int] | None = None
    ) -> T:
        """Change charts in one transaction, and write down whose were changed."""

        def whole(connection: Connection, acts: list[Done]) -> T:
            filing = Filing(connection, self._keys)
            answer = job(filing)
            filing.close()
            acts += [self._access.done(action, who, {**said, **(detail or {})}) for who, said in filing.acts.items()]
            looked = filing.found - filing.acts.keys()
            acts += [self._access.done("search", who, {"of": "identifier"}) for who in sorted(looked)]
            return answer

        if not refusing:
            return self._writer.do(whole)
        with self._access.refusals(action):
            return self._writer.do(whole)


def _read_ahead(stream: Iterator[Entry]) -> list[Entry]:
    """The first entries of a stream, so many as memory holds easily: of most files all."""
    ahead, size = [], 0
    for entry in islice(stream, _AHEAD):
        ahead.append(entry)
        size += len(entry.item.content) if isinstance(entry.item, Document) else 0
        if size > _AHEAD_BYTES:
            break
    return ahead


def _user() -> str:
    """Who is logged in, as the system says; no variable of the environment can say otherwise."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except ImportError:  # not on Windows
        return getpass.getuser()
    except KeyError:
        return f"uid {os.getuid()}"
