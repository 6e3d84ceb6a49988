"""Whatever is done in whatever order, the store remembers what a plain memory does, on both databases.

POLLUX_SOAK=1 asks for longer stories.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Thread

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pollux.errors import PolluxError, UnknownName
from pollux.record import Document, Entry, Event, Source
from pollux.store import Store
from tests.store.places import Place
from tests.store.remembered import Remembered, said

SOAK = bool(os.environ.get("POLLUX_SOAK"))
START = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK = datetime(2040, 1, 1, tzinfo=UTC)  # later than the real one, by which moves are learned
NOW = datetime(2050, 1, 1, tzinfo=UTC)
WRITERS = 3

people = st.sampled_from(["p1", "p2", "p3"])
ids = st.sampled_from(["", "", "meter/1", "meter/2", "meter/3"])
quantities = st.sampled_from([("body_weight", "kg"), ("heart_rate", "/min")])
values = st.sampled_from([60.0, 61.5, 75.0, 88.25])
hours = st.integers(0, 5)


def event(id: str, quantity: tuple[str, str], value: float, hour: int, learned: datetime) -> Event:
    """Something that a meter says."""
    source = Source("meter", "meter.csv", f"line {hour}")
    return Event(START + timedelta(hours=hour), quantity[0], value, quantity[1], source, learned, id=id)


class Story(RuleBasedStateMachine):
    """Things are done to a store and to a memory, and both say the same."""

    places: Callable[[], Place]

    @initialize()
    def begin(self) -> None:
        self.place = self.places()
        self.store = self.place.open(purpose="export")
        self.memory = Remembered()
        self.clock = CLOCK
        self.told: list[list[Entry]] = []
        self.kept: Remembered | None = None  # as it was when the backup was taken
        self.erased_since: set[str] = set()
        self.backups = 0

    def teardown(self) -> None:
        if hasattr(self, "store"):
            try:
                self.agree_in_full()
            finally:
                self.store.close()

    def tick(self) -> datetime:
        self.clock += timedelta(seconds=1)
        return self.clock

    def take(self, entries: list[Entry]) -> None:
        """Take entries in, here and there; the receipt counts what was new."""
        fresh = refused = 0
        for entry in entries:
            chart = self.memory.chart(entry.person)
            assert isinstance(entry.item, Event)
            told, said_before = chart.tell(entry.item), chart.versions.get(entry.item.id, [])
            fresh += told
            if not told and all(one.content != entry.item.content for one in said_before):
                refused += (entry.item.id, entry.item.content) not in self.memory.aside
                self.memory.aside.add((entry.item.id, entry.item.content))
        receipt = self.store.take(entries, NOW)
        assert receipt.accepted + receipt.withdrawn == fresh
        assert receipt.quarantined == refused
        assert receipt.already_known == len(entries) - fresh - refused
        self.told.append(entries)

    # What comes in

    @rule(person=people, id=ids, quantity=quantities, value=values, hour=hours, before=st.integers(0, 3))
    def tell(self, person: str, id: str, quantity: tuple[str, str], value: float, hour: int, before: int) -> None:
        """An event, now and then learned before others that are there."""
        self.take([Entry(person, event(id, quantity, value, hour, self.tick() - timedelta(seconds=before)))])

    @rule(person=people, value=values, number=st.sampled_from([3, 70, 200]))
    def tell_much(self, person: str, value: float, number: int) -> None:
        learned = self.tick()
        some = [event("", ("body_weight", "kg"), value, 0, learned) for _ in range(number)]
        some = [msgspec.structs.replace(e, time=e.time + timedelta(minutes=i), id="") for i, e in enumerate(some)]
        self.take([Entry(person, one) for one in some])

    @rule(person=people, id=st.sampled_from(["meter/1", "meter/2"]))
    def take_back(self, person: str, id: str) -> None:
        standing = self.memory.chart(person).standing(id) if person in self.memory.charts else None
        if standing is not None:
            self.take([Entry(person, msgspec.structs.replace(standing, retracted=True, learned=self.tick()))])

    @rule(name=st.sampled_from(["a", "b"]), number=st.integers(0, 3))
    def receive(self, name: str, number: int) -> None:
        """A version of a document; later numbers are later versions. Each name is of one person."""
        person = {"a": "p1", "b": "p2"}[name]
        chart = self.memory.chart(person)
        updated, learned = START + timedelta(days=number), self.tick()
        document = Document("Observation", name, str(number), b"%d" % number, "line 1", updated)
        parts = [event(f"Observation/{name}#{part}", ("body_weight", "kg"), 60.0 + number, 0, learned)
                 for part in ("x", "y", "z")[number % 2 : 1 + number]]  # fmt: skip
        known = chart.documents.setdefault(name, set())
        if number not in known and number > max(known, default=-1):
            stated = {part.id for part in parts}
            for id in [id for id in chart.versions if id.startswith(f"Observation/{name}#") and id not in stated]:
                if (old := chart.standing(id)) is not None:
                    chart.versions[id].append(msgspec.structs.replace(old, retracted=True, learned=learned))
            for part in parts:
                chart.versions.setdefault(part.id, []).append(part)
        known.add(number)
        self.store.take([Entry(person, document), *(Entry(person, part) for part in parts)], NOW)

    @precondition(lambda self: self.told)
    @rule(which=st.integers(0, 100))
    def again(self, which: int) -> None:
        """The same batch once more changes nothing, unless the person was erased in between."""
        self.take(self.told[which % len(self.told)])

    @rule(person=people, value=values)
    def tell_at_once(self, person: str, value: float) -> None:
        """Several writers through two openings of one store; each reads at once what it wrote."""
        self.take([Entry(person, event("", ("heart_rate", "/min"), 60.0, 0, CLOCK))])
        batches = [
            [
                *(event(f"writer/{i}/{k}", ("body_weight", "kg"), value + i, k, self.tick()) for k in range(2)),
                event("writer/all", ("body_weight", "kg"), 80.0 + i, 1, self.tick()),
            ]
            for i in range(WRITERS)
        ]
        wrong: list[BaseException] = []
        with self.place.open(purpose="export") as other:
            threads = [
                Thread(target=self.write_and_read, args=((self.store, other)[i % 2], person, batch, wrong))
                for i, batch in enumerate(batches)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == []
        for batch in batches:
            for one in batch:
                self.memory.chart(person).tell(one)

    @staticmethod
    def write_and_read(store: Store, person: str, batch: list[Event], wrong: list[BaseException]) -> None:
        try:
            for one in batch:
                store.take([Entry(person, one)], NOW)
                contents = {(e.id, e.content) for e in store.record(person).events}
                assert (one.id, one.content) in contents, "what was just written is not read"
        except BaseException as error:
            wrong.append(error)

    @rule(person=people, id=st.sampled_from(["", "undo/1"]), value=values, hour=hours)
    def tell_and_take_back(self, person: str, id: str, value: float, hour: int) -> None:
        """An import that is taken back leaves what stands as it was, whatever else happens before and after."""
        if person not in self.memory.charts:
            return
        first = event(id, ("body_weight", "kg"), value, hour, self.tick())
        some = [first, event("", ("heart_rate", "/min"), 61.0, hour, self.tick())]
        number = self.store.take([Entry(person, one) for one in some], NOW).number
        assert not self.store.undo(number).before
        assert self.store.undo(number).before
        self.clock += timedelta(seconds=10)  # what is told next is learned after what was taken back

    # Who is who, and what may be done

    @rule(duplicate=people, into=people)
    def merge(self, duplicate: str, into: str) -> None:
        charts = self.memory.charts
        if duplicate == into or not {duplicate, into} <= set(charts) or charts[duplicate].into or charts[into].into:
            return
        self.store.merge(duplicate, into)
        charts[duplicate].into = into

    @rule(duplicate=people)
    def unmerge(self, duplicate: str) -> None:
        chart = self.memory.charts.get(duplicate)
        if chart is not None and chart.into:
            self.store.unmerge(duplicate)
            chart.into = ""

    @rule(wrong=people, right=people, id=st.sampled_from(["meter/1", "meter/2", "meter/3"]), back=st.booleans())
    def move(self, wrong: str, right: str, id: str, back: bool) -> None:
        charts = self.memory.charts
        standing = charts[wrong].standing(id) if wrong in charts else None
        if right not in charts or standing is None:
            return
        if right in self.memory.below(wrong):
            with pytest.raises(PolluxError, match="to where it is"):
                self.store.move([id], wrong, right)
            return
        self.store.move([id], wrong, right)
        carried = [one for one in self.memory.below(wrong) if self.memory.carry(id, one, right, START)]
        if back:
            self.store.move_back([id], wrong, right)
            for one in carried:
                self.memory.carry(id, right, one, START)

    @rule(person=people, held=st.booleans())
    def hold(self, person: str, held: bool) -> None:
        if person in self.memory.charts:
            if held:
                self.store.hold(person, "a court asks")
            else:
                self.store.release(person)
            self.memory.charts[person].held = held

    @rule(person=people, restricted=st.booleans())
    def restrict(self, person: str, restricted: bool) -> None:
        if person in self.memory.charts:
            if restricted:
                self.store.restrict(person, "accuracy contested")
            else:
                self.store.unrestrict(person)
            self.memory.charts[person].restricted = restricted

    @rule(person=people)
    def erase(self, person: str) -> None:
        if person not in self.memory.charts:
            return
        group = self.memory.group(person)
        if any(self.memory.charts[one].held for one in self.touched(group)):
            with pytest.raises(PolluxError, match="legal hold"):
                self.store.erase(person, "asked for it")
            return
        self.store.erase(person, "asked for it")
        self.memory.erase(group)
        self.erased_since |= set(group)

    def touched(self, group: list[str]) -> list[str]:
        """In whose charts an erasure deletes something."""
        charts = self.memory.charts
        return group + [
            name for name in charts if any(self.memory.owner(name, id) in group for id in charts[name].away)
        ]

    @rule(person=people, content=st.binary(max_size=50))
    def keep(self, person: str, content: bytes) -> None:
        if person in self.memory.charts:
            self.store.save_checkpoint(person, "twin", content, self.tick())
            self.memory.charts[person].checkpoint = content

    # What happens to the store itself

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.place.open(purpose="export")

    @rule(person=people)
    def rotate(self, person: str) -> None:
        if person in self.memory.charts:
            self.store.rotate(person)

    @rule()
    def back_up(self) -> None:
        self.backups += 1
        self.store.backup(*self.backup_folders())
        self.kept, self.erased_since = self.memory.copy(), set()

    @precondition(lambda self: self.kept is not None)
    @rule()
    def lose_and_restore(self) -> None:
        """Data and keys are lost; the ledger of erasures is not, and holds against the backup."""
        assert self.kept is not None
        if self.erased_since and any(chart.held for chart in self.kept.charts.values()):
            return  # a hold that comes back may stop a replay, and the doctor says so; other tests look at that
        self.store.close()
        self.place.vanish()
        self.store = self.place.restore(*self.backup_folders()).by("restorer", "export")
        gone = self.memory.taken_away
        self.memory = self.kept.copy()
        self.memory.erase([person for person in self.memory.charts if person in self.erased_since])
        self.memory.take_away(gone)
        for chart in self.memory.charts.values():
            chart.into = chart.into if chart.into in self.memory.charts else ""

    def backup_folders(self) -> tuple[Path, Path]:
        return (self.place.folder / f"data{self.backups}", self.place.folder / f"keys{self.backups}")

    # What must hold

    @rule()
    def agree(self) -> None:
        """All that stands is what the memory has."""
        assert [p.id for p in self.store.people()] == sorted(
            id for id, chart in self.memory.charts.items() if not chart.into
        )
        for person in self.memory.charts:
            assert sorted((said(e) for e in self.store.record(person).current), key=str) == self.memory.current(person)

    def agree_in_full(self) -> None:
        """Every way to read says the same, nothing is damaged, versions of a chart only grow."""
        self.agree()
        for person, chart in self.memory.charts.items():
            record = self.store.record(person)
            current = sorted(record.current, key=lambda e: (e.time, e.quantity, e.id), reverse=True)
            for number in (1, 5, 1000):
                assert self.store.latest(person, number) == current[:number]
            for quantity in ("body_weight", "heart_rate"):
                readings = self.store.series(person, quantity)
                assert sorted(readings.values.tolist()) == sorted(e.number() for e in record.of(quantity))
            kept = sorted(f"{d.id}/{d.version}" for d in self.store.documents(person))
            assert kept == self.memory.documents(person)
            if len(self.memory.group(person)) == 1:
                assert self.store.checkpoint(person, "twin") == chart.checkpoint
            restricted = any(self.memory.charts[one].restricted for one in self.memory.group(person))
            with pytest.raises(PolluxError, match="is restricted") if restricted else nullcontext():
                self.store.by("ward", "treatment").latest(person)
        for nobody in {"p1", "p2", "p3"} - set(self.memory.charts):
            with pytest.raises(UnknownName):
                self.store.record(nobody)
        assert self.store.verify()[0] == []
        assert [str(trouble) for trouble in self.store.doctor() if trouble.serious] == []
        last: dict[str, int] = {}
        for act in self.store.acts():
            if act.action == "restore":
                last.clear()
            version = int(act.detail.get("version", 0))
            if version:
                assert version > last.get(act.subject, 0), "a version of a chart came twice"
                last[act.subject] = version


@pytest.mark.slow
def test_a_store_remembers_what_a_plain_memory_does(place: Place) -> None:
    number = count()

    def places() -> Place:
        i = next(number)
        shutil.rmtree(place.folder / str(i - 1), ignore_errors=True)
        return place.another(f"{i}/store.db")

    class Here(Story):
        """A story in this place."""

    Here.places = staticmethod(places)
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=200 if SOAK else 6,
            stateful_step_count=60 if SOAK else 30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=not SOAK,
        ),
    )
