"""One thread writes. Who waits at the same time shares one transaction and one flush to the disk (group commit)."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from threading import Lock, Thread, current_thread
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection

from pollux.errors import PolluxError
from pollux.store import waiting
from pollux.store.audit import (
    GOES_ON,
    Done,
    Head,
    append,
    check_continuation,
    check_here,
    last_act,
    place_head,
    read_head,
    write_head,
)
from pollux.store.database import CannotWrite, Database, InUse, undone_alone
from pollux.store.files import Files
from pollux.store.keys import RESTORING, Keys

_LOG = logging.getLogger("pollux.store")
_TOGETHER = 256  # jobs in one transaction
_MOST_OWED = 10_000  # accesses that wait in memory
SOON = 1.0  # seconds that an access waits for its place in the audit before it is put into the file of those waiting
T = TypeVar("T")
Job = Callable[[Connection, list[Done]], Any]


class _Asked(NamedTuple):
    """A job that waits."""

    job: Job
    answer: Future[Any]
    alone: bool
    note: bool


class Writer:
    """Does jobs one after the other; a job's answer is given when what it wrote is durable.

    A job is called with the connection and a list to which it adds its acts. What a job raises undoes that job alone.
    What others could undo and must not (an erasure) is done alone, in a transaction of its own.
    Accesses are noted before anything is handed out. While something else writes for long they wait in a file, and
    where that cannot be written to either, in memory: the next transaction puts them in front of its own acts.
    """

    def __init__(self, database: Database, keys: Keys, files: Files) -> None:
        self._database = database
        self._keys = keys
        self._files = files
        self._queue: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._starting = Lock()
        self._asked: set[Future[Any]] = set()
        self._owed: list[Done] = []
        self._mine: Head | None = None  # the head that was put outside last
        self._busy = False  # an access had to wait since the last transaction ended

    def alone(self, job: Callable[[Connection, list[Done]], T]) -> T:
        """The same in a transaction that no other job shares."""
        return self.do(job, alone=True)

    def do(self, job: Callable[[Connection, list[Done]], T], alone: bool = False) -> T:
        """Wait until the job is done and durable."""
        return self._ask(job, alone).result()

    def note(self, acts: Sequence[Done]) -> None:
        """Write accesses down: into the audit or, while that cannot be written to, where it is taken up later."""
        answer: Future[None] = self._ask(lambda _, done: done.extend(acts), note=True)
        try:
            if self._noted(answer):
                return
            why = "something else is being written"
        except (CannotWrite, InUse) as error:
            why = error.what
        check_here(self._database, self._files.head, self._keys.public)
        self._keep(acts, why)

    def _noted(self, answer: Future[None]) -> bool:
        """Whether an access stands in the audit; False when it shall wait elsewhere."""
        try:
            answer.result(0 if self._busy else SOON)
        except TimeoutError:
            if answer.cancel():
                self._busy = True
                return False
            answer.result()  # it is being written
        return True

    def close(self) -> None:
        """Finish what is waiting, then stop."""
        if self._owed:
            with suppress(PolluxError):
                self.do(lambda _, acts: None)
        with self._starting:
            if self._thread is not None:
                self._queue.put(None)
                self._thread.join(0.1)
                while self._thread.is_alive() and self._asked:
                    self._thread.join(0.1)
                self._thread = None  # if it still waits for its turn, nobody waits for it

    def _ask(self, job: Callable[[Connection, list[Done]], T], alone: bool = False, note: bool = False) -> Future[T]:
        if current_thread() is self._thread:
            raise PolluxError("the store was asked from inside its own writing", advice="Read before you write.")
        answer: Future[T] = Future()
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="pollux-store-writer", daemon=True)
                self._thread.start()
            self._asked.add(answer)
            answer.add_done_callback(self._asked.discard)
            self._queue.put(_Asked(job, answer, alone, note))
        return answer

    def _keep(self, acts: Sequence[Done], why: str) -> None:
        """Let accesses wait in the file or, if that cannot be, in memory, where the log alone survives a crash."""
        acts = [waiting.late(act) for act in acts]
        try:
            waiting.add(self._files.waiting, acts, self._keys.signing)
            return
        except waiting.TooMany as error:
            raise _too_many() from error
        except OSError as error:
            with self._starting:
                if len(self._owed) >= _MOST_OWED:
                    raise _too_many() from error
                self._owed += acts
        for act in acts:
            _LOG.warning("not written down yet, since %s: %s by %s of %s", why, act.action, act.actor,
                         act.who.hex()[:8] or "all")  # fmt: skip

    def _run(self) -> None:
        going_on, held = True, None
        while going_on:
            jobs: list[_Asked | None] = [held or self._queue.get()]
            held = None
            while len(jobs) < _TOGETHER and (last := jobs[-1]) is not None and not last.alone:
                try:
                    one = self._queue.get_nowait()
                except Empty:
                    break
                if one is not None and one.alone:
                    held = one  # after these, by itself
                    break
                jobs.append(one)
            going_on = jobs[-1] is not None
            self._together([one for one in jobs if one is not None])

    def _together(self, jobs: list[_Asked]) -> None:
        """One transaction for all that nobody stopped waiting for; every future gets its answer here.

        Accesses come last: as long as the jobs are at it, whoever reads can stop waiting for them.
        """
        begun: list[_Asked] = []
        left = sorted(jobs, key=lambda one: one.note)
        try:
            with self._database.writing() as connection:
                done: list[tuple[Future[Any], Any]] = []
                owed: list[Done] = []
                acts: list[Done] = []
                content = b""
                while left:
                    one = left.pop(0)
                    if not one.answer.set_running_or_notify_cancel():
                        continue
                    if not begun:
                        taken, content = waiting.take_up(connection, self._files.waiting, self._keys.signing)
                        owed = self._owed[:]
                        acts += [*owed, *taken]
                    begun.append(one)
                    done += self._carried_out(connection, one, acts)
                if not begun:
                    return  # nobody waits any more, and the store may be closed by now
                head = self._chained(connection, acts)
                self._keys.settle()
            del self._owed[: len(owed)]
            self._leave_outside(head, any(act.action in GOES_ON for act in acts), content)
        except BaseException as error:
            self._keys.drop_waiting()
            for one in (*begun, *(one for one in left if one.answer.set_running_or_notify_cancel())):
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        finally:
            self._busy = False
        for answer, result in done:
            answer.set_result(result)

    def _carried_out(self, connection: Connection, one: _Asked, acts: list[Done]) -> list[tuple[Future[Any], Any]]:
        """What a job gave; if it fails, its error is told at once, and what it did is undone."""
        before = len(acts)
        try:
            with undone_alone(connection):
                return [(one.answer, one.job(connection, acts))]
        except self._database.failures:
            raise  # the database itself fails: nothing of this transaction can be trusted
        except BaseException as error:
            del acts[before:]
            one.answer.set_exception(self._database.explained(error, connection))
            return []

    def _chained(self, connection: Connection, acts: list[Done]) -> Head | None:
        """The acts behind the last line of the audit, which has to go on from its head outside."""
        if not acts:
            return None
        last = last_act(connection)
        if not any(act.action in GOES_ON for act in acts):
            head = read_head(self._files.head)
            check_continuation(connection, last, head, self._files.head, self._keys.public, self._mine)
        return append(connection, last, acts, self._keys.signing)

    def _leave_outside(self, head: Head | None, anew: bool, content: bytes) -> None:
        """Put the head outside, and empty the file of what waited. What was written is durable without it."""
        try:
            if head is not None:
                self._mine = head
                (place_head if anew else write_head)(self._files.head, head)
            if content and self._keys.life != RESTORING:  # else it can be tried again, and takes them up again
                waiting.clear(self._files.waiting, content)
        except (OSError, PolluxError) as error:
            _LOG.warning("the accounts beside the store cannot be written: %s", error)


def _too_many() -> CannotWrite:
    return CannotWrite("too many accesses wait to be written down", advice="Look at the disk.")


def now() -> datetime:
    """The clock by which acts are dated."""
    return datetime.now(UTC)
